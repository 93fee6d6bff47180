using System.CommandLine;
using System.Globalization;
using System.Net;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Core;
using Culvert.Protocol.V1;
using TransportProtocol = Culvert.Protocol.V1.TransportProtocol;
using Verdict = Culvert.Protocol.V1.Verdict;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert explain</c></summary>
internal static class ExplainCommand
{
    private static readonly Argument<string> Source = new("SRC") { Description = "Workload (namespace/name) or address; or a SPIFFE ID, for a tunnel that comes with it." };

    private static readonly Argument<string> Destination = new("DST:PORT")
    {
        Description = "Workload or service (namespace/name) or address, and port, with /udp for UDP; an IPv6 address in brackets.",
    };

    private static readonly Option<string> From = new("--from")
    {
        Description = "With a SPIFFE ID: the address that the tunnel comes from, where policy asks for it.",
        HelpName = "ADDRESS",
    };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "explain",
            "Say whether a connection would be allowed, by which rule of which file, and which path it would take.",
            new Example("culvert explain shop/web shop/api:8080", "by name"),
            new Example("culvert explain 10.91.1.1 10.96.0.10:80", "by address"),
            new Example("culvert explain shop/web shop/dns:53/udp", "a datagram"),
            new Example("culvert explain shop/web [fd91:2::1]:80 -o json", "IPv6, for a program"),
            new Example("culvert explain spiffe://two.example/ns/a/sa/client shop/api:8080", "a workload of another trust domain"))
        {
            Codes = [(ExitCode.Ok, "the connection is allowed"), (ExitCode.Failed, "the connection is denied"), (ExitCode.DecidedElsewhere, "not decided here: the destination's node decides, ask the agent there")],
        };
        command.Arguments.Add(Source);
        command.Arguments.Add(Destination);
        command.Options.Add(From);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var (destination, port, protocol) = Split(result.GetRequiredValue(Destination));
        var source = result.GetRequiredValue(Source);
        var from = result.GetValue(From);
        if (from is not null && !source.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal))
        {
            throw new CliException(ExitCode.BadInput, $"{From.Name}: '{source}' is no SPIFFE ID", "it is where a tunnel comes from; an address can be SRC itself");
        }

        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        var request = new ExplainRequest
        {
            Source = source,
            Destination = destination,
            Port = port,
            Protocol = protocol,
            SourceAddress = from ?? "",
        };
        var answer = await admin.ExplainAsync(request, cancellationToken);
        var report = AdminMapping.ToReport(answer);
        var output = result.InvocationConfiguration.Output;
        new Printer(result).Print(report, json => json.ExplainReport, _ => Write(output, report));
        return (int)(answer.Verdict switch
        {
            Verdict.Allow => ExitCode.Ok,
            Verdict.Unspecified => ExitCode.DecidedElsewhere,
            _ => ExitCode.Failed,
        });
    }

    /// <summary>Takes <c>name:port</c>, <c>address:port</c> or <c>[address]:port</c> apart, each with <c>/tcp</c> or <c>/udp</c> behind if need be.</summary>
    /// <exception cref="CliException">The text has no valid port.</exception>
    internal static (string Name, uint Port, TransportProtocol Protocol) Split(string text)
    {
        var protocol = TransportProtocol.Tcp;
        foreach (var (suffix, known) in new[] { ("/udp", TransportProtocol.Udp), ("/tcp", TransportProtocol.Tcp) })
        {
            if (text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            {
                (text, protocol) = (text[..^suffix.Length], known);
                break;
            }
        }

        var colon = text.LastIndexOf(':');
        var name = colon > 0 ? text[..colon] : "";
        if (name.Length == 0 || !ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
        {
            throw new CliException(ExitCode.BadInput, $"DST:PORT: '{text}' does not end in a port from 1 to 65535", "for example shop/api:8080 or [fd91:2::1]:80");
        }

        if (name[0] == '[' && name[^1] == ']')
        {
            return (name[1..^1], port, protocol);
        }

        return name.Contains(':', StringComparison.Ordinal) || (IPAddress.TryParse(text, out _) && text.Contains("::", StringComparison.Ordinal))
            ? throw new CliException(ExitCode.BadInput, $"DST:PORT: '{text}' is ambiguous", "put an IPv6 address in brackets: [fd91:2::1]:80")
            : (name, port, protocol);
    }

    // Of a tunnel's peer the address may not be known; what it is judged by is its identity.
    private static string SourceOf(FlowEndpointReport source) => source switch
    {
        { Workload: null, Identity: { } identity, Address: null } => identity,
        { Workload: null, Identity: { } identity } => $"{identity} ({FlowText.End(source)})",
        _ => FlowText.End(source),
    };

    private static void Write(TextWriter output, ExplainReport report)
    {
        var verdict = report.Verdict switch
        {
            "allow" => "allowed",
            ExplainReport.Undecided => $"not decided here: node {report.DecidedByNode} decides",
            _ => "denied",
        };
        output.WriteLine($"{verdict}: {SourceOf(report.Source)} -> {FlowText.End(report.Destination)}");
        if (report.Rule is { } rule)
        {
            output.WriteLine("  rule:    " + FlowText.Rule(rule));
        }

        if (report.Reason is { } reason)
        {
            // The same names say why something is let through (a destination that is not in the mesh); then there is nothing to mend.
            var known = report.Verdict == "deny" ? ReasonTable.Find(reason) : null;
            output.WriteLine("  reason:  " + reason + (known is null ? "" : ": " + known.Text));
            if (known is not null)
            {
                output.WriteLine("  to do:   " + known.Remedy);
            }
        }

        output.WriteLine("  path:    " + report.Path);
        if (report.AuditPolicies.Count > 0)
        {
            output.WriteLine("  audited: " + string.Join(", ", report.AuditPolicies));
        }

        foreach (var (step, index) in report.Steps.Select((s, i) => (s, i + 1)))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {index}. {step}"));
        }
    }
}
