namespace Culvert.Core;

/// <summary>Kinds of objects that manage pods. The numbers are those on the wire.</summary>
public enum WorkloadOwnerKind
{
    /// <summary>A Deployment, by a ReplicaSet.</summary>
    Deployment = 1,

    /// <summary>A StatefulSet.</summary>
    StatefulSet = 2,

    /// <summary>A DaemonSet.</summary>
    DaemonSet = 3,

    /// <summary>A Job.</summary>
    Job = 4,
}
