namespace Culvert.NodeAgent.Options;

/// <summary>Where the agent captures what pods send and get.</summary>
public enum CaptureUse
{
    /// <summary>At the host's end of a pod's link; inside the pod's network namespace where another engine redirects there, or there is no such end.</summary>
    Auto,

    /// <summary>At the host's end only; a pod without one is not captured.</summary>
    Host,

    /// <summary>Inside the network namespaces of all pods.</summary>
    Inside,
}
