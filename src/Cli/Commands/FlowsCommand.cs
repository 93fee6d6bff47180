using System.CommandLine;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Core;
using Culvert.Protocol.V1;
using TransportProtocol = Culvert.Protocol.V1.TransportProtocol;
using Verdict = Culvert.Protocol.V1.Verdict;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert flows</c></summary>
internal static class FlowsCommand
{
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Keep showing flows as they happen." };

    private static readonly Option<uint> Last = new("--last")
    {
        Description = "How many past flows to show first.",
        HelpName = "N",
        DefaultValueFactory = _ => 20,
    };

    private static readonly Option<string> Source = new("--source", "-s")
    {
        Description = "Only from this workload (namespace/name, * at the end for a prefix), address or identity.",
        HelpName = "WHO",
    };

    private static readonly Option<string> Destination = new("--destination", "-d")
    {
        Description = "Only to this workload, address or identity.",
        HelpName = "WHO",
    };

    private static readonly Option<ushort> Port = new("--port", "-p") { Description = "Only to this port.", HelpName = "PORT" };

    private static readonly Option<string> VerdictFilter = new Option<string>("--verdict")
    {
        Description = "Only flows that were carried (allow), refused by policy or limits (deny), or that failed otherwise (error).",
        HelpName = "allow|deny|error",
    }.AcceptOnlyFromAmong("allow", "deny", "error");

    private static readonly Option<string> ProtocolFilter = new Option<string>("--protocol")
    {
        Description = "Only TCP connections or only UDP sessions.",
        HelpName = "tcp|udp",
    }.AcceptOnlyFromAmong("tcp", "udp");

    public static Command Create()
    {
        var command = new ExampleCommand(
            "flows",
            "Show connections of this node: who, to whom, by which path, allowed or denied and why.",
            new Example("culvert flows --follow", "everything as it happens"),
            new Example("culvert flows --verdict deny --last 100", "the last 100 refusals"),
            new Example("culvert flows --protocol udp -p 53", "who asked which DNS server"),
            new Example("culvert flows -f -d shop/* -p 8080 -o json", "one JSON document per line"));
        foreach (var option in new Option[] { Follow, Last, Source, Destination, Port, VerdictFilter, ProtocolFilter })
        {
            command.Options.Add(option);
        }

        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>Whether a text can be a workload, an address, an identity or a prefix of one; no flow matches anything else.</summary>
    internal static bool IsWho(string text) =>
        text.EndsWith('*')
        || text.StartsWith("spiffe://", StringComparison.Ordinal)
        || IpPrefix.TryParseAddress(text, out _)
        || (NamespacedName.TryParse(text, out var name) && !name.Namespace.Contains('.', StringComparison.Ordinal)); // a prefix of addresses is none of these

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        if (result.GetResult(Port) is { Implicit: false } && result.GetValue(Port) == 0)
        {
            throw new CliException(ExitCode.BadInput, $"{Port.Name}: 0 is not a port from 1 to 65535", "leave it out for every port");
        }

        var request = new FlowsRequest
        {
            Last = result.GetValue(Last),
            Follow = result.GetValue(Follow),
            Filter = new FlowFilter
            {
                Source = WhoOf(result, Source),
                Destination = WhoOf(result, Destination),
                Port = result.GetValue(Port),
                Verdict = result.GetValue(VerdictFilter) switch
                {
                    "allow" => Verdict.Allow,
                    "deny" => Verdict.Deny,
                    "error" => Verdict.Error,
                    _ => Verdict.Unspecified,
                },
                Protocol = result.GetValue(ProtocolFilter) switch
                {
                    "tcp" => TransportProtocol.Tcp,
                    "udp" => TransportProtocol.Udp,
                    _ => TransportProtocol.Unspecified,
                },
            },
        };
        var printer = new Printer(result);
        var output = result.InvocationConfiguration.Output;
        var explained = new HashSet<string>(StringComparer.Ordinal); // each reason once
        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        try
        {
            await admin.FlowsAsync(request, flow => Write(AdminMapping.ToReport(flow)), cancellationToken);
        }
        catch (OperationCanceledException) when (request.Follow)
        {
            // Ctrl-C is how following ends.
        }

        return (int)ExitCode.Ok;

        void Write(FlowReport report) => printer.PrintLine(report, json => json.FlowReport, _ =>
        {
            output.WriteLine(FlowText.Format(report));
            if (report.Reason is { } reason && explained.Add(reason) && FlowText.Meaning(reason) is { } meaning)
            {
                output.WriteLine(meaning);
            }
        });
    }

    private static string WhoOf(ParseResult result, Option<string> option) => result.GetValue(option) switch
    {
        null => "",
        var who when IsWho(who) => who,
        var other => throw new CliException(
            ExitCode.BadInput, $"{option.Name}: '{other}' is no workload, address or identity", "for example shop/web, shop/*, 10.91.1.1 or spiffe://cluster.local/ns/shop/sa/web"),
    };
}
