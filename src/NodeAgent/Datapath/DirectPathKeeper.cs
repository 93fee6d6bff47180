using Culvert.Core;
using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Has the kernel send new direct flows the way that the mesh's settings ask for. Thread-safe.</summary>
internal sealed class DirectPathKeeper(GenerationWriter writer)
{
    /// <summary>Puts the settings of a snapshot into force.</summary>
    internal void Use(MeshSettings settings) => writer.SetDirect(settings.DirectPath == DirectPath.HostStack ? CvDirect.HostStack : CvDirect.Redirect);
}
