using System.Collections.Immutable;
using System.Net;
using Culvert.Cni;
using Culvert.Core;
using Culvert.NodeAgent.State;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Cni;

/// <summary>
/// What container runtimes have told of the pods of this node, a file for each in the run folder, since pods outlive the agent. Joined with a snapshot it says what a pod's address is before the controller does. Thread-safe.
/// </summary>
internal sealed class PodAttachments
{
    private const int Most = 4096; // more pods than a node can have
    private const long LongestFile = 65_536; // bytes
    private const string Suffix = ".json";

    private readonly string _folder;
    private readonly ILogger _logger;
    private readonly Lock _writing = new();
    private volatile ImmutableDictionary<CniAttachmentName, PodAttachment> _all;

    /// <summary>Reads what an agent before has left. A file that can't be used is set aside, which is logged.</summary>
    internal PodAttachments(string runFolder, TimeProvider time, ILogger logger)
    {
        (_folder, _logger) = (Path.Combine(runFolder, "cni"), logger);
        _all = Load(time);
    }

    /// <summary>All of them, in no order.</summary>
    internal IReadOnlyCollection<PodAttachment> All => [.. _all.Values];

    /// <summary>Path of the network namespace that the runtime of a workload has told; null where it has told none.</summary>
    internal string? NetworkNamespaceOf(WorkloadInfo workload) => _all.Values.Where(a => a.NetworkNamespace is not null && a.IsOf(workload)).MaxBy(a => a.Added)?.NetworkNamespace;

    /// <summary>Adds one, or puts it in the place of that of the same name.</summary>
    /// <exception cref="IOException">It can't be written down; nothing has changed.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    internal void Add(PodAttachment attachment)
    {
        lock (_writing)
        {
            if (_all.Count >= Most && !_all.ContainsKey(attachment.Name)) throw new IOException($"there are {Most} attachments already; a runtime that asks for GC, or a restart of the node, mends that");
            Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            StateFile.Write(PathOf(attachment.Name), AttachmentForm.Write(attachment));
            _all = _all.SetItem(attachment.Name, attachment);
        }
    }

    /// <summary>Forgets one; one that there is not is forgotten already.</summary>
    internal bool Remove(CniAttachmentName name)
    {
        lock (_writing)
        {
            bool wasThere = _all.ContainsKey(name);
            _all = _all.Remove(name);
            Delete(PathOf(name));
            return wasThere;
        }
    }

    /// <summary>Forgets one, unless another has come in its place.</summary>
    internal void Withdraw(PodAttachment attachment)
    {
        lock (_writing)
        {
            if (_all.GetValueOrDefault(attachment.Name) is { } now && ReferenceEquals(now, attachment)) Remove(attachment.Name);
        }
    }

    /// <summary>Forgets all but some: of the others DEL was asked while no agent was there.</summary>
    /// <returns>How many.</returns>
    internal int KeepOnly(Func<PodAttachment, bool> wanted)
    {
        int removed = 0;
        foreach (PodAttachment attachment in _all.Values)
        {
            if (!wanted(attachment) && Remove(attachment.Name)) removed++;
        }
        return removed;
    }

    /// <summary>
    /// A snapshot with what runtimes have told: a pod that the controller knows no address of, or that it has told nothing new of since, has the addresses that its runtime gave it, and nobody else has them. Once the controller
    /// tells others, those count.
    /// </summary>
    /// <param name="told">What the controller has told.</param>
    internal NodeSnapshot Join(NodeSnapshot told)
    {
        ImmutableDictionary<CniAttachmentName, PodAttachment> all = _all;
        if (all.IsEmpty) return told;
        ImmutableDictionary<string, WorkloadInfo>.Builder workloads = told.Workloads.ToBuilder();
        Dictionary<IPAddress, string> owners = [];
        HashSet<string> joined = [];
        foreach (PodAttachment attachment in all.Values.OrderByDescending(a => a.Added))
        {
            string uid = attachment.Pod.ToString();
            if (!told.Workloads.TryGetValue(uid, out WorkloadInfo? pod) || pod.Node != told.Node || !attachment.IsOf(pod) || !joined.Add(uid)) continue;
            bool isNewer = pod.Addresses.IsEmpty || pod.Addresses == attachment.ToldBefore;
            EquatableArray<IPAddress> addresses = pod.Addresses;
            if (isNewer)
            {
                // Of two attachments with one address the older one is of a pod that has gone.
                addresses = attachment.Addresses.Where(a => owners.TryAdd(a, uid)).ToEquatableArray();
            }
            workloads[uid] = pod with { Addresses = addresses, HostInterface = pod.HostInterface ?? attachment.HostInterface };
        }
        if (owners.Count > 0)
        {
            foreach (WorkloadInfo workload in told.Workloads.Values)
            {
                WorkloadInfo now = workloads[workload.Uid];
                if (!now.Addresses.Any(a => owners.TryGetValue(a, out string? owner) && owner != now.Uid)) continue;
                EquatableArray<IPAddress> left = now.Addresses.Where(a => !owners.TryGetValue(a, out string? owner) || owner == now.Uid).ToEquatableArray();
                if (left.IsEmpty) workloads.Remove(now.Uid);
                else workloads[now.Uid] = now with { Addresses = left };
            }
        }
        return told with { Workloads = workloads.ToImmutable() };
    }

    private ImmutableDictionary<CniAttachmentName, PodAttachment> Load(TimeProvider time)
    {
        var found = ImmutableDictionary.CreateBuilder<CniAttachmentName, PodAttachment>();
        try
        {
            foreach (string path in Directory.EnumerateFiles(_folder).Order(StringComparer.Ordinal))
            {
                if (!path.EndsWith(Suffix, StringComparison.Ordinal))
                {
                    // Half a file, of an agent that was killed while it wrote.
                    if (path.EndsWith(Suffix + StateFile.Unfinished, StringComparison.Ordinal)) Delete(path);
                    continue;
                }
                if (found.Count >= Most) break;
                if (LoadFile(path, time) is { } attachment) found[attachment.Name] = attachment;
            }
        }
        catch (DirectoryNotFoundException)
        {
            // None has been told yet.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            CniLog.AttachmentUnusable(_logger, _folder, e.Message, "it stays");
        }
        return found.ToImmutable();
    }

    private PodAttachment? LoadFile(string path, TimeProvider time)
    {
        try
        {
            if (new FileInfo(path).Length > LongestFile) throw new FormatException($"it has more than {LongestFile} bytes");
            PodAttachment attachment = AttachmentForm.Read((StateFile.Read(path) ?? throw new FileNotFoundException("it has gone")).Span);
            return PathOf(attachment.Name) == path ? attachment : throw new FormatException($"it is of {attachment.Name}, and not named so");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or InvalidDataException)
        {
            CniLog.AttachmentUnusable(_logger, path, e.Message, $"it is now {StateFile.SetAside(path, time.GetUtcNow())}");
            return null;
        }
    }

    private string PathOf(CniAttachmentName name) => Path.Combine(_folder, $"{name.ContainerId}:{name.Interface}{Suffix}");

    private void Delete(string path)
    {
        try
        {
            if (Directory.Exists(_folder)) File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            CniLog.AttachmentNotRemoved(_logger, path, e.Message);
        }
    }
}
