using System.CommandLine;
using System.Globalization;
using Culvert.Controller.Attestation;
using Culvert.Controller.Nodes;
using Culvert.Controller.Sharing;

namespace Culvert.Controller.Hosting;

/// <summary><c>node list</c> and <c>node revoke</c>: on the state folder, beside a running controller or without one.</summary>
internal static class NodeCommands
{
    public static Command Create() => new("node", "Nodes and their certificates.") { List(), Revoke() };

    private static Command List()
    {
        Option<string> state = ControllerCommand.StateOption();
        Command list = new("list", "List every node that was given a certificate: whether the newest is valid, revoked or expired, until when it is valid, and when certificates were revoked last.") { state };
        list.SetAction(parsed => Run(parsed.GetValue(state)!, "nodes can't be listed", folder =>
        {
            IReadOnlyList<NodeRecord> nodes = new NodeStore(ControllerHost.NodeFolder(folder), TimeProvider.System).List();
            int width = nodes.Select(n => n.Node.Length).Append("NODE".Length).Max();
            DateTimeOffset now = DateTimeOffset.UtcNow;
            Console.WriteLine($"{"NODE".PadRight(width)}  STATE    {"CERTIFICATE UNTIL",-20}  REVOKED");
            foreach (NodeRecord node in nodes) Console.WriteLine($"{node.Node.PadRight(width)}  {node.StateAt(now).ToString().ToLowerInvariant(),-7}  {Text(node.CertificateUntil, "unknown"),-20}  {Text(node.RevokedAt, "no")}");
            return 0;
        }));
        return list;
    }

    private static Command Revoke()
    {
        Argument<string> node = new("node") { Description = "The node." };
        Option<string> state = ControllerCommand.StateOption();
        Option<bool> force = new("--force") { Description = "Revoke also when no certificate and no join token is known to have been made for a node of this name." };
        Command revoke = new("revoke", "Refuse every certificate and join token made for a node until now: its stream ends, nothing is renewed. It may join again with a new token.") { node, force, state };
        revoke.SetAction(parsed =>
        {
            string name = parsed.GetValue(node)!;
            if (Schema.Names.Subdomain(name) is { } error) return ControllerCommand.Fail(ControllerCommand.BadOptions, error);
            return Run(parsed.GetValue(state)!, $"node '{name}' can't be revoked", folder =>
            {
                NodeStore nodes = new(ControllerHost.NodeFolder(folder), TimeProvider.System);
                JoinTokenStore store = new(ControllerHost.TokenFolder(folder), TimeProvider.System);
                bool known = nodes.List().Any(n => n.Node == name);
                if (!known && SharedStateMark.Read(folder) is null && !parsed.GetValue(force) && !store.HasFor(name)) // else another controller may have made one
                    return ControllerCommand.Fail(ControllerCommand.UnknownName, $"{name}: nothing was revoked; no certificate is known to have been made for it, and no join token. Look at `node list`, or revoke it all the same with --force");
                // First the certificates: a token redeemed in between makes one that is refused, too.
                nodes.Revoke(name);
                int tokens = store.Void(name);
                Console.WriteLine($"{name}: certificates made until now are refused, join tokens voided: {tokens}{(known ? "" : "; no certificate is known to have been made for it")}");
                return 0;
            });
        });
        return revoke;
    }

    private static string Text(DateTimeOffset? moment, string none) => moment?.ToString("u", CultureInfo.InvariantCulture) ?? none;

    internal static int Run(string state, string failure, Func<string, int> work)
    {
        string folder = Path.GetFullPath(state);
        if (!Directory.Exists(ControllerHost.AuthorityFolder(folder)) && !Directory.Exists(ControllerHost.NodeFolder(folder)))
            return ControllerCommand.Fail(ControllerCommand.CannotStart, $"{failure}: --state-dir '{folder}' is not the state folder of a controller that has run");
        try
        {
            return work(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return ControllerCommand.Fail(ControllerCommand.CannotStart, $"{failure} in --state-dir '{folder}': {e.Message}");
        }
    }
}
