namespace Culvert.Controller.Store;

/// <summary>What is known of the mesh's settings.</summary>
internal enum MeshConfigState
{
    /// <summary>Nothing was read yet, and nothing is kept of an earlier run.</summary>
    Unknown,

    /// <summary>All was read and there has never been a MeshConfig: the documented defaults hold.</summary>
    NeverGiven,

    /// <summary>A MeshConfig, or its last good version, holds.</summary>
    Given,

    /// <summary>One is or was meant to hold, and none was ever good or what was good is lost: the mesh is closed until one is good.</summary>
    Closed,

    /// <summary>At the first start something can't be read that may be the MeshConfig: the mesh is closed until it can. Not kept over a restart.</summary>
    Unclear,
}
