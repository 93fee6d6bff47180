namespace Culvert.Controller.Statuses;

/// <summary>What has become of a declaration.</summary>
internal enum ObjectState
{
    /// <summary>It is in force as it is declared.</summary>
    Accepted,

    /// <summary>It is not in force, and no earlier version is.</summary>
    Rejected,

    /// <summary>It is not in force; its last good version is, or, where it can't be told which object it is, the last good versions of what was in its place.</summary>
    LastGoodKept,

    /// <summary>It is in force as far as it could be read, the rest of it allows nothing, and no earlier version was good.</summary>
    InPart,
}
