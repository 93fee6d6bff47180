namespace Culvert.Controller.Schema;

/// <summary>What of a request a rate limit service may be told of, besides headers.</summary>
public enum CallerPart
{
    /// <summary>The caller's proven identity.</summary>
    Identity,

    /// <summary>The caller's address.</summary>
    Address,

    /// <summary>The method.</summary>
    Method,

    /// <summary>The host that is asked for.</summary>
    Host,

    /// <summary>The path, without its query.</summary>
    Path,
}
