namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>How a kind says in its status what has become of an object.</summary>
internal enum StatusForm
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>By conditions that belong to this controller alone: kinds of culvert.dev.</summary>
    Conditions,

    /// <summary>By an entry for each parent and each controller that serves it: routes of the Gateway API.</summary>
    Parents,
}
