namespace Culvert.Core;

/// <summary>What requests have in common that are counted together.</summary>
public enum RateLimitBy
{
    /// <summary>All are counted together.</summary>
    All,

    /// <summary>Those of one proven identity; of callers without one all together.</summary>
    Identity,

    /// <summary>Those with one value of a header; all without it together.</summary>
    Header,
}
