namespace Culvert.Datapath.Tests.Support;

/// <summary>The programs by where they are attached.</summary>
internal enum Hook
{
    FromPod,
    ToPod,
    FromNet,
    InsideOut,
    InsideIn,
}
