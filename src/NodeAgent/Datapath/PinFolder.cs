using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Where an agent's pins are: <c>&lt;bpffs folder&gt;/v&lt;abi&gt;/{maps,links}</c>.</summary>
internal sealed class PinFolder
{
    internal PinFolder(string bpfFolder)
    {
        Root = Path.Combine(bpfFolder, $"v{CvAbi.AbiVersion}");
        Maps = Path.Combine(Root, "maps");
        Links = Path.Combine(Root, "links");
    }

    internal string Root { get; }

    internal string Maps { get; }

    internal string Links { get; }

    /// <summary>Makes the folders; mounts a bpffs when the configured folder is on none.</summary>
    internal static PinFolder Prepare(string bpfFolder)
    {
        PinFolder pins = new(bpfFolder);
        if (bpfFolder.StartsWith(BpfFs.DefaultMountPoint + "/", StringComparison.Ordinal)) BpfFs.Mount();
        else BpfFs.Mount(bpfFolder);
        Directory.CreateDirectory(pins.Maps);
        Directory.CreateDirectory(pins.Links);
        return pins;
    }

    internal string Map(string name) => Path.Combine(Maps, name);

    internal string Link(string name) => Path.Combine(Links, name);
}
