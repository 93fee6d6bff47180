namespace Culvert.Core;

/// <summary>Whether the proxies of the mesh take part in traces of requests.</summary>
public enum TracingMode
{
    /// <summary>They pass what requests say of traces as it is.</summary>
    Disabled,

    /// <summary>Each is a step of a trace of its own.</summary>
    Enabled,
}
