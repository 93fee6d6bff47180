using System.Globalization;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Logging;
using Culvert.NodeAgent.State;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>
/// Remembers which number the namespace of which workload has. Kept in the run folder, because the programs outlive the agent as well. The reconciler's; not thread-safe.
/// </summary>
internal sealed class SpaceNumbers
{
    private readonly string _path;
    private readonly ILogger _logger;
    private readonly Dictionary<ushort, SpaceOwner> _owners = [];
    private ushort _last;

    internal SpaceNumbers(string runFolder, ILogger logger)
    {
        (_path, _logger) = (Path.Combine(runFolder, "spaces"), logger);
        Load();
    }

    /// <summary>Whether programs that know a namespace by a number are there although nothing is known of that: what was remembered is lost.</summary>
    internal Func<ushort, bool> IsLeft { get; init; } = _ => false;

    /// <summary>Every namespace that has a number.</summary>
    internal IReadOnlyDictionary<ushort, SpaceOwner> All => _owners;

    /// <summary>The number of a workload's namespace, the one it had or a new one; null when there is none left.</summary>
    internal ushort? Take(SpaceOwner owner)
    {
        if (Find(owner) is { } had)
        {
            if (_owners[had] == owner) return had;

            // Which pod it is was not said before.
            _owners[had] = owner;
            Save();
            return had;
        }
        // In turn: of the one before something may still be in the kernel's tables.
        for (int i = 0; i < CvAbi.MaxSpaces; i++)
        {
            _last = (ushort)(_last % (CvAbi.MaxSpaces - 1) + 1);
            if (_owners.ContainsKey(_last) || IsLeft(_last)) continue;
            _owners.Add(_last, owner);
            Save();
            return _last;
        }
        return null;
    }

    /// <summary>The number of a workload's namespace; null when it has none. That of another pod of its name is none of its own.</summary>
    internal ushort? Find(SpaceOwner owner)
    {
        foreach ((ushort number, SpaceOwner known) in _owners)
        {
            if ((known.Inode, known.Workload) == (owner.Inode, owner.Workload) && GonePods.MayBe(known.PodUid, owner.PodUid)) return number;
        }
        return null;
    }

    /// <summary>Gives up all others.</summary>
    internal void KeepOnly(IReadOnlySet<ushort> numbers)
    {
        ushort[] gone = [.. _owners.Keys.Where(n => !numbers.Contains(n))];
        foreach (ushort number in gone) _owners.Remove(number);
        if (gone.Length > 0) Save();
    }

    private void Save()
    {
        try
        {
            StateFile.WriteLines(
                _path,
                [_last.ToString(CultureInfo.InvariantCulture), .. _owners.Select(o => string.Create(CultureInfo.InvariantCulture, $"{o.Key} {o.Value.Inode} {o.Value.Workload} {o.Value.PodUid}").TrimEnd())]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            SpaceNumbersLog.NotSaved(_logger, _path, e.Message);
        }
    }

    private static ushort NumberOf(string text)
    {
        ushort number = ushort.Parse(text, CultureInfo.InvariantCulture);
        return number is > 0 and < (ushort)CvAbi.MaxSpaces ? number : throw new FormatException($"no number of a namespace: '{text}'");
    }

    // The number that was given last stands alone in its line; agents before this one wrote none.
    private void Load()
    {
        try
        {
            ushort? last = null;
            foreach (string line in StateFile.ReadLines(_path))
            {
                switch (line.Split(' '))
                {
                    case [string text]:
                        last = NumberOf(text);
                        break;
                    case [string number, string inode, string workload]:
                        _owners[NumberOf(number)] = new SpaceOwner(ulong.Parse(inode, CultureInfo.InvariantCulture), workload);
                        break;
                    case [string number, string inode, string workload, string pod]:
                        _owners[NumberOf(number)] = new SpaceOwner(ulong.Parse(inode, CultureInfo.InvariantCulture), workload) { PodUid = pod };
                        break;
                    default:
                        throw new FormatException($"not a namespace: '{line}'");
                }
            }
            _last = last ?? _owners.Keys.DefaultIfEmpty().Max();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or InvalidDataException or OverflowException)
        {
            _owners.Clear();
            _last = 0;
            SpaceNumbersLog.NotLoaded(_logger, _path, e.Message);
        }
    }
}

/// <summary>Who has a number.</summary>
/// <param name="Inode">The namespace's inode number.</param>
/// <param name="Workload">Uid of the workload.</param>
internal sealed record SpaceOwner(ulong Inode, string Workload)
{
    /// <summary>The workload's pod, as the cluster has it; null: it is none, or nobody has said.</summary>
    internal string? PodUid { get; init; }

    /// <summary>Whether its pod is gone from the cluster and runs on, as one that was deleted without waiting for its end.</summary>
    internal bool IsOfGonePod(NodeSnapshot snapshot) => GonePods.IsGone(snapshot, Workload, PodUid) && NamespaceScan.FindPath(Inode) is not null;
}

internal static partial class SpaceNumbersLog
{
    [LoggerMessage(EventId = LogEventIds.SpaceNumbersNotSaved, Level = LogLevel.Warning, Message = "{Path} can't be written ({Reason}); after a restart the programs in pods' namespaces are attached anew")]
    internal static partial void NotSaved(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.SpaceNumbersNotLoaded, Level = LogLevel.Warning, Message = "{Path} can't be read ({Reason}); programs in pods' namespaces are attached anew")]
    internal static partial void NotLoaded(ILogger logger, string path, string reason);
}
