// The resources of hosts that publish no types, written from their references: Istio's
// extensions/v1alpha1/traffic_extension.proto (1.30), Higress' customresourcedefinitions.gen.yaml,
// APISIX' schema of config.yaml and of the Admin API, and Kong's declarative format.

interface Metadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface EnvironmentVariable {
  name: string;
  value?: string;
  valueFrom?: 'INLINE' | 'HOST';
}

/** The configuration of a filter, which `meshward check` reads. */
type FilterConfiguration = Record<string, unknown>;

export interface TrafficExtension {
  apiVersion: 'extensions.istio.io/v1alpha1';
  kind: 'TrafficExtension';
  metadata: Metadata;
  spec: {
    selector?: { matchLabels: Record<string, string> };
    targetRefs?: { group?: string; kind: string; name: string; namespace?: string }[];
    phase?: 'AUTHN' | 'AUTHZ' | 'STATS';
    priority?: number;
    match?: { mode?: 'CLIENT' | 'SERVER' | 'CLIENT_AND_SERVER'; ports?: { number: number }[] }[];
    wasm: {
      url: string;
      sha256?: string;
      imagePullPolicy?: 'IfNotPresent' | 'Always';
      imagePullSecret?: string;
      pluginName?: string;
      pluginConfig?: FilterConfiguration;
      failStrategy?: 'FAIL_CLOSE' | 'FAIL_OPEN' | 'FAIL_RELOAD';
      vmConfig?: { env: EnvironmentVariable[] };
      type?: 'HTTP' | 'NETWORK';
    };
  };
}

export interface HigressWasmPlugin {
  apiVersion: 'extensions.higress.io/v1alpha1';
  kind: 'WasmPlugin';
  metadata: Metadata;
  spec: {
    url: string;
    sha256?: string;
    imagePullPolicy?: 'IfNotPresent' | 'Always';
    imagePullSecret?: string;
    pluginName?: string;
    failStrategy?: 'FAIL_CLOSE' | 'FAIL_OPEN';
    phase?: 'UNSPECIFIED_PHASE' | 'AUTHN' | 'AUTHZ' | 'STATS';
    priority?: number;
    vmConfig?: { env: EnvironmentVariable[] };
    defaultConfig?: FilterConfiguration;
    defaultConfigDisable?: boolean;
    matchRules?: {
      ingress?: string[];
      domain?: string[];
      service?: string[];
      config?: FilterConfiguration;
      configDisable?: boolean;
    }[];
  };
}

export interface HigressMcpBridge {
  apiVersion: 'networking.higress.io/v1';
  kind: 'McpBridge';
  metadata: Metadata;
  spec: {
    registries: {
      name: string;
      type: 'nacos' | 'nacos2' | 'nacos3' | 'zookeeper' | 'consul' | 'eureka' | 'static' | 'dns';
      domain: string;
      port: number;
      protocol?: 'http' | 'https' | 'grpc' | 'grpcs';
      sni?: string;
    }[];
  };
}

/** What conf/config.yaml says about Wasm plugins, and what goes with it. */
export interface ApisixConfig {
  nginx_config?: { envs: string[] };
  deployment: {
    role: 'traditional' | 'data_plane';
    role_data_plane?: { config_provider: 'yaml' | 'json' | 'etcd' };
  };
  wasm: {
    plugins: {
      name: string;
      priority: number;
      file: string;
      http_request_phase?: 'access' | 'rewrite';
    }[];
  };
}

/** conf/apisix.yaml, where routes come from in standalone mode. */
export interface ApisixRoutes {
  routes: {
    id: string;
    uri: string;
    upstream: { type: 'roundrobin' | 'chash' | 'ewma' | 'least_conn'; nodes: Record<string, number> };
    plugins: Record<string, { conf: FilterConfiguration | string }>;
  }[];
}

export interface KongDeclarative {
  _format_version: '3.0';
  services: {
    name: string;
    url: string;
    routes: { name: string; paths: string[]; strip_path?: boolean }[];
  }[];
  filter_chains: {
    name?: string;
    service?: { name: string };
    route?: { name: string };
    enabled?: boolean;
    filters: { name: string; enabled?: boolean; config: FilterConfiguration | string }[];
  }[];
}

/** `<name>.meta.json` beside a module in Kong's folder of filters: a JSON Schema. */
export interface KongFilterMeta {
  config_schema: {
    type: 'object';
    properties: Record<string, { type?: 'object' }>;
  };
}
