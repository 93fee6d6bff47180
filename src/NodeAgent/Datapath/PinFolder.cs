using System.Collections.Concurrent;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Where an agent's pins are: <c>&lt;bpffs folder&gt;/v&lt;abi&gt;/{maps,links}</c>.</summary>
internal sealed class PinFolder
{
    private readonly ConcurrentQueue<string> _unpinned = new();
    private readonly string _bpfFolder;

    internal PinFolder(string bpfFolder)
    {
        _bpfFolder = bpfFolder;
        Root = Path.Combine(bpfFolder, $"v{CvAbi.AbiVersion}");
        Maps = Path.Combine(Root, "maps");
        Links = Path.Combine(Root, "links");
    }

    internal string Root { get; }

    internal string Maps { get; }

    internal string Links { get; }

    /// <summary>Makes the folders; mounts a bpffs when the configured folder is on none.</summary>
    /// <exception cref="AgentStartException">They can't be made, or nothing can be mounted there.</exception>
    internal static PinFolder Prepare(string bpfFolder) => StartStep.Run(
        $"--bpffs {bpfFolder}", "give a folder on a BPF file system, or one where it can be mounted (`mount -t bpf bpf DIR`)", () =>
        {
            PinFolder pins = new(bpfFolder);
            pins.Make();
            return pins;
        });

    /// <summary>Whether the folders are there.</summary>
    internal bool FoldersExist => Directory.Exists(Maps) && Directory.Exists(Links);

    /// <summary>Makes the folders where they are not there.</summary>
    internal void Make()
    {
        if (FoldersExist) return;
        if (_bpfFolder.StartsWith(BpfFs.DefaultMountPoint + "/", StringComparison.Ordinal)) BpfFs.Mount();
        else BpfFs.Mount(_bpfFolder);
        Directory.CreateDirectory(Maps);
        Directory.CreateDirectory(Links);
        File.SetUnixFileMode(Root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Removes a pin; nothing happens where there is none. Thread-safe.</summary>
    internal void Unpin(string path)
    {
        _unpinned.Enqueue(path);
        File.Delete(path);
    }

    /// <summary>The pins that <see cref="Unpin"/> has removed since this was asked before, in that order. Thread-safe.</summary>
    internal IEnumerable<string> TakeUnpinned()
    {
        while (_unpinned.TryDequeue(out string? path)) yield return path;
    }

    /// <summary>Whether no agent has pinned anything here, of whatever version.</summary>
    internal bool IsEmpty() => !Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories).Any() && !OtherVersions().Any();

    /// <summary>The folders of agents with another version of the contract.</summary>
    internal IEnumerable<string> OtherVersions() =>
        Directory.GetDirectories(Path.GetDirectoryName(Root)!, "v*").Where(d => d != Root && uint.TryParse(Path.GetFileName(d).AsSpan(1), out _));

    /// <summary>
    /// Takes over from an agent with another version of the contract: its links are adopted like any, so that no program is ever missing or there
    /// twice; its maps are of no use here. Returns how many links there were in each folder.
    /// </summary>
    internal IReadOnlyList<(string Folder, int Links)> TakeOverOtherVersions()
    {
        List<(string, int)> taken = [];
        foreach (string other in OtherVersions())
        {
            string[] links = Directory.Exists(Path.Combine(other, "links")) ? Directory.GetFiles(Path.Combine(other, "links")) : [];
            foreach (string link in links.Where(l => !File.Exists(Link(Path.GetFileName(l))))) File.Move(link, Link(Path.GetFileName(link)));
            BpfFs.UnpinTree(other);
            taken.Add((other, links.Length));
        }
        return taken;
    }

    internal string Map(string name) => Path.Combine(Maps, name);

    /// <summary>Path of a link's pin. A BPF file system takes no dots, which VLAN interfaces have in their names; no interface has a colon.</summary>
    internal string Link(string name) => Path.Combine(Links, name.Replace('.', ':'));

    /// <summary>The name that <see cref="Link"/> was asked for.</summary>
    internal static string NameOf(string link) => Path.GetFileName(link).Replace(':', '.');
}
