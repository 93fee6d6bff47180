namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Why entries are not as they should be.</summary>
internal enum EntryTroubleKind
{
    /// <summary>The template of parents gives none for a node.</summary>
    Parent,

    /// <summary>A template gives what is no DNS name; the entry is made without it.</summary>
    DnsName,

    /// <summary>The same selectors would give two identities.</summary>
    Selectors,

    /// <summary>The server says that an entry breaks a rule.</summary>
    Invalid,

    /// <summary>The server has no bundle of a trust domain to federate with.</summary>
    Bundle,

    /// <summary>The server says that the entry is there, and does not list it.</summary>
    Exists,

    /// <summary>The server refuses an entry for another reason.</summary>
    Refused,

    /// <summary>The server does not answer, or not in time.</summary>
    Unavailable,

    /// <summary>The server does not let this process do it, or is none.</summary>
    Denied,

    /// <summary>The server has too much to do.</summary>
    Overloaded,

    /// <summary>The server's answer does not belong to what it was asked.</summary>
    Answer,

    /// <summary>A fault of the controller.</summary>
    Fault,
}
