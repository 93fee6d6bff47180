namespace Culvert.Controller.Objects;

/// <summary>By what workloads are named together.</summary>
internal enum WorkloadReferenceKind
{
    /// <summary>One workload, by its name: a pod, or one that was declared.</summary>
    Pod,

    /// <summary>The pods of a Deployment.</summary>
    Deployment,

    /// <summary>The pods of a DaemonSet.</summary>
    DaemonSet,

    /// <summary>The pods of a StatefulSet.</summary>
    StatefulSet,

    /// <summary>The workloads behind a Service.</summary>
    Service,
}
