namespace Culvert.Controller.Identity;

/// <summary>Why an authority did not sign.</summary>
public enum AuthorityFailure
{
    /// <summary>The request breaks a rule: the same one will be refused again.</summary>
    InvalidRequest,

    /// <summary>The authority may not sign for this identity.</summary>
    NotPermitted,

    /// <summary>The authority has more to do than it can, or than it allows the controller.</summary>
    Overloaded,

    /// <summary>The authority does not answer, or can't sign for now.</summary>
    Unavailable,

    /// <summary>The controller's configuration of the authority is wrong: somebody has to mend it.</summary>
    Misconfigured,
}
