namespace Culvert.Controller.Schema;

/// <summary>Which requests a RateLimit counts together that has no header to tell them apart by.</summary>
public enum CountedTogether
{
    /// <summary>All that its rule matches.</summary>
    All,

    /// <summary>Those of one identity.</summary>
    Identity,
}
