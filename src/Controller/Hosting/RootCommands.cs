using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Culvert.Controller.Identity.BuiltIn;

namespace Culvert.Controller.Hosting;

/// <summary><c>root list</c> and <c>root rotate</c>: on the state folder, beside a running controller or without one.</summary>
internal static class RootCommands
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    public static Command Create() => new("root", "The root of the built-in certificate authority.") { List(), Rotate() };

    private static Command List()
    {
        Option<string> state = ControllerCommand.StateOption();
        Command list = new("list", "List the roots, oldest first, and what each is there for.") { state };
        list.SetAction(parsed => NodeCommands.Run(parsed.GetValue(state)!, "roots can't be listed", folder =>
        {
            Print(RootStore.ReadRecords(ControllerHost.AuthorityFolder(folder)));
            return 0;
        }));
        return list;
    }

    private static Command Rotate()
    {
        Option<string> state = ControllerCommand.StateOption();
        Command rotate = new("rotate", "Replace the root: the new one is in the bundle at once, signs after --root-activation-seconds, and the old one leaves when no valid certificate needs it.") { state };
        rotate.SetAction((parsed, cancellation) => RotateAsync(parsed.GetValue(state)!, cancellation));
        return rotate;
    }

    private static async Task<int> RotateAsync(string state, CancellationToken cancellationToken)
    {
        string folder = Path.GetFullPath(state), authority = ControllerHost.AuthorityFolder(folder);
        try
        {
            string? newest = RootStore.ReadRecords(authority).LastOrDefault()?.Id;
            if (newest is null) return ControllerCommand.Fail(ControllerCommand.CannotStart, $"there is no built-in certificate authority in --state-dir '{folder}'");
            RootRotation rotation = new(authority);
            rotation.Ask();
            long start = Stopwatch.GetTimestamp();
            while (rotation.IsAsked && Stopwatch.GetElapsedTime(start) < Patience) await Task.Delay(Look, cancellationToken);
            if (rotation.IsAsked)
            {
                Console.WriteLine($"asked for; no controller runs with --state-dir '{folder}', or it can't write there: it is done as soon as one can");
                return 0;
            }
            RootRecord[] records = RootStore.ReadRecords(authority);
            if (records[^1].Id == newest) return ControllerCommand.Fail(ControllerCommand.CannotStart, $"the root was not replaced: {records[^1].Id} is new itself and signs from {Text(records[^1].Activates)} on");
            Print(records);
            return 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return ControllerCommand.Fail(ControllerCommand.CannotStart, $"the root can't be replaced in --state-dir '{folder}': {e.Message}");
        }
    }

    private static void Print(RootRecord[] records)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        RootRecord? signing = records.LastOrDefault(r => r.Retired is null && r.Activates <= now);
        foreach (RootRecord root in records)
        {
            string what = root.Retired is { } retired ? $"left the bundle {Text(retired)}"
                : root == signing ? "signs"
                : root.Activates > now ? $"in the bundle, signs from {Text(root.Activates)} on"
                : $"in the bundle until {Text(root.ServesUntil)}";
            Console.WriteLine($"{root.Id}  {what}");
        }
    }

    private static string Text(DateTimeOffset moment) => moment.ToString("u", CultureInfo.InvariantCulture);
}
