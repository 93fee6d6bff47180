namespace Culvert.Kubernetes.Tests.Client;

/// <summary>Objects as people write them.</summary>
internal static class Samples
{
    internal const string Everything = """
        apiVersion: v1
        kind: Pod
        metadata: {name: web, namespace: NAMESPACE, labels: {app: web}}
        spec:
          serviceAccountName: web
          containers:
          - name: web
            image: localhost/web:1
            ports: [{name: http, containerPort: 8080}, {containerPort: 9090, protocol: TCP}]
            readinessProbe: {httpGet: {path: /ready, port: http}}
            livenessProbe: {tcpSocket: {port: 9090}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: NAMESPACE}
        spec:
          selector: {app: web}
          ports: [{name: http, port: 80, targetPort: http}]
        ---
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: web, namespace: NAMESPACE}
        spec:
          podSelector: {matchLabels: {app: web}}
          policyTypes: [Ingress, Egress]
          ingress:
          - from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [a, b]}]}}]
            ports: [{port: http}, {port: 9090, protocol: UDP}]
          egress:
          - to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: key, namespace: NAMESPACE}
        stringData: {key: hidden}
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: web, namespace: NAMESPACE}
        automountServiceAccountToken: false
        ---
        apiVersion: v1
        kind: Node
        metadata: {name: node-of-NAMESPACE}
        spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24]}
        """;
}
