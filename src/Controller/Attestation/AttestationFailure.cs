namespace Culvert.Controller.Attestation;

/// <summary>Why evidence does not make somebody a node.</summary>
public enum AttestationFailure
{
    /// <summary>It is not known, not genuine, or was used already.</summary>
    Unknown,

    /// <summary>It was good for a time that is over.</summary>
    Expired,

    /// <summary>It proves another node than the one that is asked for.</summary>
    OtherNode,

    /// <summary>Whoever has to be asked has more to do than it can.</summary>
    Overloaded,

    /// <summary>Whoever has to be asked does not answer.</summary>
    Unavailable,
}
