using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Nodes;

namespace Culvert.Controller.Hosting;

/// <summary><c>root list</c>, <c>root rotate</c> and <c>root remove</c>: on the state folder, beside a running controller or without one.</summary>
internal static class RootCommands
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    public static Command Create() => new("root", "The root of the built-in certificate authority.") { List(), Rotate(), Remove() };

    private static Command List()
    {
        Option<string> state = ControllerCommand.StateOption();
        Command list = new("list", "List the roots, oldest first, and what each is there for.") { state };
        list.SetAction(parsed => NodeCommands.Run(parsed.GetValue(state)!, "roots can't be listed", folder =>
        {
            Print(FolderRootStore.ReadRecords(ControllerHost.AuthorityFolder(folder)));
            return 0;
        }));
        return list;
    }

    private static Command Rotate()
    {
        Option<string> state = ControllerCommand.StateOption();
        Option<bool> now = new("--now") { Description = "Have the new root sign at once, also one that is waiting to: agents that have not got it yet refuse what it has signed until they have, for a moment." };
        Command rotate = new("rotate", "Replace the root: the new one is in the bundle at once, signs after --root-activation-seconds, and the old one leaves when no valid certificate needs it.") { state, now };
        rotate.SetAction((parsed, cancellation) => RotateAsync(parsed.GetValue(state)!, parsed.GetValue(now), cancellation));
        return rotate;
    }

    private static Command Remove()
    {
        Argument<string> id = new("id") { Description = "The root, as `root list` shows it." };
        Option<string> state = ControllerCommand.StateOption();
        Option<bool> force = new("--force") { Description = "Also when there are nodes that will need a join token for it." };
        Command remove = new("remove", "Take a root out of the bundle now and delete its key, as when that was stolen: what it has signed is trusted by nobody any more, and connected agents have it replaced.") { id, force, state };
        remove.SetAction((parsed, cancellation) => RemoveAsync(parsed.GetValue(state)!, parsed.GetValue(id)!, parsed.GetValue(force), cancellation));
        return remove;
    }

    private static async Task<int> RotateAsync(string state, bool now, CancellationToken cancellationToken)
    {
        string folder = Path.GetFullPath(state), authority = ControllerHost.AuthorityFolder(folder);
        try
        {
            RootRecord? newest = FolderRootStore.ReadRecords(authority).LastOrDefault();
            if (newest is null) return ControllerCommand.Fail(ControllerCommand.CannotStart, $"there is no built-in certificate authority in --state-dir '{folder}'");
            RootRotation rotation = new(authority);
            rotation.Ask(now, RootName.Of(newest));
            if (!await WaitAsync(() => !rotation.IsAsked, cancellationToken))
            {
                return AskedFor(folder);
            }
            RootRecord[] records = FolderRootStore.ReadRecords(authority);
            if (records[^1] == newest || (!now && records[^1].Id == newest.Id)) return ControllerCommand.Fail(ControllerCommand.CannotStart, $"the root was not replaced: {records[^1].Id} is new itself and signs from {Text(records[^1].Activates)} on");
            Print(records);
            return 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return ControllerCommand.Fail(ControllerCommand.CannotStart, $"the root can't be replaced in --state-dir '{folder}': {e.Message}");
        }
    }

    private static async Task<int> RemoveAsync(string state, string id, bool force, CancellationToken cancellationToken)
    {
        string folder = Path.GetFullPath(state), authority = ControllerHost.AuthorityFolder(folder);
        try
        {
            DateTimeOffset now = DateTimeOffset.UtcNow;
            RootRecord[] before = FolderRootStore.ReadRecords(authority);
            if (before.Length == 0) return ControllerCommand.Fail(ControllerCommand.CannotStart, $"there is no built-in certificate authority in --state-dir '{folder}'");
            if (RootRemovalRule.Refusal(before, id, now) is { } refusal)
                return ControllerCommand.Fail(before.Any(r => r.Id == id) ? ControllerCommand.CannotStart : ControllerCommand.UnknownName, $"root {id} is not removed: {refusal}");
            string[] locked = [.. LockedOut(folder, before, id, now)];
            if (locked.Length > 0 && !force)
            {
                return ControllerCommand.Fail(
                    ControllerCommand.CannotStart,
                    $"root {id} is not removed: it may have signed the certificates of nodes which an older controller has not noted well enough to renew them then ({string.Join(", ", locked)}). Wait until they have renewed them, or give --force; they will need new join tokens then");
            }
            RootRemoval removal = new(authority);
            removal.Ask(id);
            if (!await WaitAsync(() => !removal.IsAsked(id), cancellationToken)) return AskedFor(folder);
            RootRecord[] records = FolderRootStore.ReadRecords(authority);
            if (!records.Any(r => r.Id == id && r.Removed)) return ControllerCommand.Fail(ControllerCommand.CannotStart, $"root {id} is not removed; the controller's log says why");
            Print(records);
            Console.WriteLine("Nodes and workloads whose certificates it signed need others: connected agents ask for them now. Tunnels by the old certificates end in 5 s.");
            Console.WriteLine("An agent that is away trusts the root until it has connected again. To shut out a node that has not, revoke it (`node revoke`).");
            if (locked.Length > 0) Console.WriteLine($"New join tokens are needed by: {string.Join(", ", locked)}");
            return 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return ControllerCommand.Fail(ControllerCommand.CannotStart, $"root {id} can't be removed in --state-dir '{folder}': {e.Message}");
        }
    }

    /// <summary>Nodes with a valid certificate that can't be told from a forged one and that may be below the root.</summary>
    private static IEnumerable<string> LockedOut(string folder, RootRecord[] records, string id, DateTimeOffset now)
    {
        DateTimeOffset? next = records.SkipWhile(r => r.Id != id).Skip(1).FirstOrDefault(r => r.Activates <= now)?.Activates;
        return new NodeStore(ControllerHost.NodeFolder(folder), TimeProvider.System).List()
            .Where(n => n.StateAt(now) == NodeCertificateState.Valid && !n.IsKnownByFingerprint && !(n.CertificateFrom > next)).Select(n => n.Node);
    }

    private static async Task<bool> WaitAsync(Func<bool> done, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (!done() && Stopwatch.GetElapsedTime(start) < Patience) await Task.Delay(Look, cancellationToken);
        return done();
    }

    private static int AskedFor(string folder)
    {
        Console.WriteLine($"asked for; no controller runs with --state-dir '{folder}', or it can't write there: it is done as soon as one can");
        return 0;
    }

    private static void Print(RootRecord[] records)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        RootRecord? signing = RootRemovalRule.Signing(records, now);
        foreach (RootRecord root in records)
        {
            string what = root.Retired is { } retired ? root.Removed ? $"removed; left the bundle {Text(retired)}" : $"left the bundle {Text(retired)}"
                : root == signing ? "signs"
                : root.Activates > now ? $"in the bundle, signs from {Text(root.Activates)} on"
                : root.ServesUntil > now ? $"in the bundle until {Text(root.ServesUntil)}"
                : $"past its time, {Text(root.ServesUntil)}: a controller that runs takes it out of the bundle";
            Console.WriteLine($"{root.Id}  {what}");
        }
    }

    private static string Text(DateTimeOffset moment) => moment.ToString("u", CultureInfo.InvariantCulture);
}
