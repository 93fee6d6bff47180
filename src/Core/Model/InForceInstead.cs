namespace Culvert.Core;

/// <summary>What of an object is in force in place of a version that has an error.</summary>
public enum InForceInstead
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>
    /// What could be read of that version, and what could not allows nothing: of kinds without which what they select would be open (NetworkPolicy, TrafficTarget), while no version was good.
    /// </summary>
    Part,

    /// <summary>The last good version; where it can't be told which object it is, the last good versions of what was in its place.</summary>
    LastGood,
}
