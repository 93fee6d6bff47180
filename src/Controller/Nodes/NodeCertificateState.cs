namespace Culvert.Controller.Nodes;

/// <summary>What the newest certificate of a node is good for.</summary>
public enum NodeCertificateState
{
    /// <summary>Nothing is known of one: what was noted can't be read, or was never noted.</summary>
    Unknown = 0,

    /// <summary>The controller accepts it.</summary>
    Valid = 1,

    /// <summary>It was made before the node's certificates were revoked: refused, until the node joins again.</summary>
    Revoked = 2,

    /// <summary>Its time is over; it can still be renewed within the grace of the controller.</summary>
    Expired = 3,
}
