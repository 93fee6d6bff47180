namespace Culvert.Controller.Schema;

/// <summary>What becomes of requests that a RateLimit has no room for.</summary>
internal enum ExcessAction
{
    /// <summary>They are answered at once.</summary>
    Reject,

    /// <summary>They wait for their turn. Not served yet: a RateLimit that says so is an error.</summary>
    Delay,
}
