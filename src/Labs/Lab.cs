using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Culvert.Interop.Netlink;

namespace Culvert.Labs;

/// <summary>
/// A small network made of network namespaces on this machine: nodes and other machines on one link, pods behind the nodes, programs in all of them.
/// All its traffic stays inside. Removed on dispose and at the end of the process, unless kept; <see cref="RemoveStaleAsync"/> removes what a killed process left.
/// Addresses: machine n is 10.90.0.n and fd90::n; pod k of node n is 10.91.n.k and fd91:n::k. Thread-safe.
/// </summary>
public sealed partial class Lab : IAsyncDisposable
{
    /// <summary>Where labs keep their folders.</summary>
    public const string DefaultRoot = "/run/culvert/lab";

    private const string NamePrefix = "cv-";
    private const string IdAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
    private const int IdLength = 5;
    private readonly ConcurrentStack<LabProcess> _processes = new();
    private readonly List<LabNode> _nodes = [];
    private readonly SemaphoreSlim _building = new(1, 1);
    private readonly LabOptions _options;
    private int _hosts;
    private int _gone;

    private Lab(LabOptions options)
    {
        _options = options;
        Id = RandomNumberGenerator.GetString(IdAlphabet, IdLength);
        Folder = Path.Combine(options.Root, Id);
    }

    /// <summary>Short random name, unique on the machine.</summary>
    public string Id { get; }

    /// <summary>Folder with the logs and files of its programs.</summary>
    public string Folder { get; }

    /// <summary>The nodes, in the order they were added.</summary>
    public IReadOnlyList<LabNode> Nodes => _nodes;

    /// <summary>Whether the lab stays when its owner disposes of it or ends.</summary>
    public bool IsKept { get; private set; }

    internal string Prefix => NamePrefix + Id + "-";

    private string LinkNamespace => Prefix + "link";

    /// <summary>Builds a lab with its link and no machines yet. Needs root and iproute2.</summary>
    /// <exception cref="ToolFailedException">A command failed; what was built is removed again.</exception>
    public static async Task<Lab> CreateAsync(LabOptions? options = null, CancellationToken cancellationToken = default)
    {
        var lab = new Lab(options ?? new LabOptions());
        CreateFolder(lab.Folder);
        AppDomain.CurrentDomain.ProcessExit += lab.OnProcessExit;
        try
        {
            await Tool.RequireAsync("sh", ["-eu"], lab.LinkScript(), null, cancellationToken);
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }

        return lab;
    }

    /// <summary>Adds a machine to the link, with a BPF file system of its own and routes to and from the pods of every other.</summary>
    /// <param name="name">Name within the lab, at most 12 letters, digits and hyphens.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<LabNode> AddNodeAsync(string name, CancellationToken cancellationToken = default) => AddNodeAsync(name, 0, null, cancellationToken);

    /// <summary>Adds a machine that is far from the others.</summary>
    /// <param name="name">Name within the lab, at most 12 letters, digits and hyphens.</param>
    /// <param name="wire">What happens to its packets on the way to and from all others; it has a <see cref="LabNode.Wire"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="Interop.KernelException">The kernel has no tap devices.</exception>
    public Task<LabNode> AddNodeAsync(string name, LabWireOptions wire, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return AddNodeAsync(name, 0, wire, cancellationToken);
    }

    /// <summary>Adds a machine with a number of its own choice, from 1 to 254; 0 for the next free one.</summary>
    internal async Task<LabNode> AddNodeAsync(string name, int index, LabWireOptions? wire, CancellationToken cancellationToken)
    {
        await _building.WaitAsync(cancellationToken);
        try
        {
            var node = new LabNode(this, name, index == 0 ? ++_hosts : index);
            Directory.CreateDirectory(node.BpfFolder);
            await Tool.RequireAsync("sh", ["-eu"], NodeScript(node), null, cancellationToken);
            if (wire is not null) node.Wire = MakeWire(node, wire);
            try
            {
                await Tool.RequireAsync("sh", ["-eu"], LinkUpScript(node, wire is not null), null, cancellationToken);
            }
            catch
            {
                node.Wire?.Dispose();
                throw;
            }

            _nodes.Add(node);
            return node;
        }
        finally
        {
            _building.Release();
        }
    }

    /// <summary>Adds a pod to a node.</summary>
    /// <param name="node">Where it runs.</param>
    /// <param name="name">Name within the lab, at most 12 letters, digits and hyphens.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<LabPod> AddPodAsync(LabNode node, string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, 12);
        var pod = new LabPod(node, name, node.NextPod());
        await Tool.RequireAsync("sh", ["-eu"], PodScript(pod), null, cancellationToken);
        return pod;
    }

    /// <summary>Lets the lab stay after its owner; <see cref="RemoveAllAsync"/> removes it.</summary>
    public void Keep()
    {
        File.WriteAllText(KeepFile, "");
        IsKept = true;
    }

    /// <summary>Ends its programs and removes its namespaces, mounts and folder, unless it is kept.</summary>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        if (IsKept || Interlocked.Exchange(ref _gone, 1) != 0)
        {
            return;
        }

        await Task.WhenAll(_processes.Select(p => p.DisposeAsync().AsTask()));
        foreach (var node in _nodes) node.Wire?.Dispose();
        await RemoveAsync(Folder, Prefix);
        _building.Dispose();
    }

    internal LabProcess Start(LabNamespace place, string name, string program, IReadOnlyList<string> arguments)
    {
        ObjectDisposedException.ThrowIf(_gone != 0, this);
        var log = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{place.Name}.{name}.log"));
        var process = LabProcess.Start(place, name, log, program, arguments);
        _processes.Push(process);
        return process;
    }

    private LabWire MakeWire(LabNode node, LabWireOptions options)
    {
        using var near = NetworkNamespace.OpenPath(node.NamespacePath);
        using var link = NetworkNamespace.Open(LinkNamespace);
        var end = near.Run(() => TapDevice.Create(LabNode.Uplink));
        try
        {
            return new LabWire(end, link.Run(() => TapDevice.Create(Port(node))), _options.Mtu, options);
        }
        catch
        {
            end.Dispose();
            throw;
        }
    }

    // With its owner from the first moment: one without is taken for a killed process's. The end of another lab may remove the common root in between.
    private static void CreateFolder(string folder)
    {
        var unready = Path.Combine(Path.GetDirectoryName(folder)!, UnreadyPrefix + Path.GetFileName(folder));
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(unready);
                File.WriteAllText(Path.Combine(unready, OwnerFileName), OwnerOfThisProcess());
                Directory.Move(unready, folder);
                return;
            }
            catch (DirectoryNotFoundException) when (attempt < 10)
            {
                // Made anew at the next attempt.
            }
        }
    }

    private void OnProcessExit(object? sender, EventArgs e) => DisposeAsync().AsTask().GetAwaiter().GetResult();
}
