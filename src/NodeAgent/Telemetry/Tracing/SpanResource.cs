using Culvert.Core;
using Culvert.Protocol.OpenTelemetry;

namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>Whose span one is: the workload's for which the proxy has carried the request, as if the proxy were its own.</summary>
/// <param name="Service">What the workload is part of.</param>
/// <param name="Namespace">Its namespace; empty when it is not known.</param>
/// <param name="Workload">Its name; empty when it is not known.</param>
internal readonly record struct SpanResource(string Service, string Namespace, string Workload)
{
    // For who is not in the mesh, and for what leads out of it.
    private const string Unknown = "unknown";

    /// <summary>The resource of a workload's spans: its service is what its labels name, or else the workload.</summary>
    internal static SpanResource Of(WorkloadInfo? workload) => workload is null
        ? new SpanResource(Unknown, "", "")
        : new SpanResource(workload.Labels.GetValueOrDefault("app.kubernetes.io/name") ?? workload.Labels.GetValueOrDefault("app") ?? workload.Name.Name, workload.Name.Namespace, workload.Name.Name);

    /// <summary>The same for the wire.</summary>
    /// <param name="node">The node's name.</param>
    internal Resource ToWire(string node)
    {
        Resource resource = new();
        resource.Attributes.Add(SpanAttributes.Of("service.name", Service));
        if (Namespace.Length > 0) resource.Attributes.Add([SpanAttributes.Of("service.namespace", Namespace), SpanAttributes.Of("k8s.namespace.name", Namespace)]);
        if (Workload.Length > 0) resource.Attributes.Add([SpanAttributes.Of("service.instance.id", $"{Namespace}.{Workload}"), SpanAttributes.Of("culvert.workload.name", Workload)]);
        resource.Attributes.Add(SpanAttributes.Of("k8s.node.name", node));
        return resource;
    }
}
