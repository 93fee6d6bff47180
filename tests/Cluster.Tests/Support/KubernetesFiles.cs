using Culvert.Kubernetes.Tests.Cluster;

namespace Culvert.ClusterTests.Support;

/// <summary>Configuration of the programs of Kubernetes and of containerd, as those in use take it.</summary>
internal static class KubernetesFiles
{
    public const string Sandbox = "localhost/box:1";

    public static string Kubeconfig(string server, string token) => $$$"""
        apiVersion: v1
        kind: Config
        clusters: [{name: test, cluster: {server: "{{{server}}}", insecure-skip-tls-verify: true}}]
        users: [{name: test, user: {token: {{{token}}}}}]
        contexts: [{name: test, context: {cluster: test, user: test}}]
        current-context: test
        """;

    // Without restrict_oom_score_adj runc needs CAP_SYS_RESOURCE.
    public static string Containerd(string root) => $"""
        version = {(KubernetesBinaries.IsOld ? 2 : 3)}
        root = "{root}"
        state = "/run/containerd"
        oom_score = 0
        [grpc]
          address = "/run/containerd/containerd.sock"

        """ + (KubernetesBinaries.IsOld ? $"""
        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "{Sandbox}"
          restrict_oom_score_adj = true
          [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "/opt/cni/bin"
            conf_dir = "/etc/cni/net.d"
        """ : $"""
        [plugins.'io.containerd.cri.v1.images'.pinned_images]
          sandbox = "{Sandbox}"
        [plugins.'io.containerd.cri.v1.runtime']
          restrict_oom_score_adj = true
          [plugins.'io.containerd.cri.v1.runtime'.cni]
            bin_dirs = ["/opt/cni/bin"]
            conf_dir = "/etc/cni/net.d"
        """);

    // With a common group the kubelets would end each other's pods.
    public static string Kubelet(string controlGroup, string clientRoots, string staticPods) => $$$"""
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        cgroupDriver: cgroupfs
        cgroupRoot: {{{controlGroup}}}
        enforceNodeAllocatable: []
        failSwapOn: false
        evictionHard: {}
        oomScoreAdj: 0
        clusterDomain: cluster.local
        staticPodPath: {{{staticPods}}}
        authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: {{{clientRoots}}}}}
        authorization: {mode: Webhook}

        """ + (KubernetesBinaries.IsOld ? "" : """
        containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
        failCgroupV1: false
        """);

    public static string Proxy(string kubeconfig, string node) => $$$"""
        apiVersion: kubeproxy.config.k8s.io/v1alpha1
        kind: KubeProxyConfiguration
        mode: iptables
        clientConnection: {kubeconfig: {{{kubeconfig}}}}
        hostnameOverride: {{{node}}}
        conntrack: {maxPerCore: 0, min: 0}

        """ + (KubernetesBinaries.IsOld ? "featureGates: {EndpointSliceProxying: false}" : "");

    public static string Network(int number) => $$$"""
        {"cniVersion": "0.4.0", "name": "pods", "plugins": [
          {"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.91.{{{number}}}.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
          {"type": "portmap", "capabilities": {"portMappings": true}}]}
        """;

    // Of 1.20 no discovery.k8s.io/v1 is to be had: the old version is switched off, and this stands in its place.
    public const string EndpointSlices = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: endpointslices.discovery.k8s.io
          annotations: {api-approved.kubernetes.io: "unapproved, test only"}
        spec:
          group: discovery.k8s.io
          scope: Namespaced
          names: {kind: EndpointSlice, plural: endpointslices, singular: endpointslice, listKind: EndpointSliceList}
          versions:
          - name: v1
            served: true
            storage: true
            schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
        """;
}
