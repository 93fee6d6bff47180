using System.Globalization;
using System.Text;
using Culvert.Core;

namespace Culvert.Cli.Output;

/// <summary>A flow as one line for people.</summary>
internal static class FlowText
{
    public static string Format(FlowReport flow)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"{flow.Time?.ToLocalTime():HH:mm:ss.fff} {flow.Event,-6} {flow.Path,-11} ");
        line.Append(End(flow.Source)).Append(" -> ").Append(End(flow.Destination)).Append(' ').Append(flow.Protocol);
        if (flow.Destination.Service is { } service)
        {
            line.Append(" service ").Append(service);
        }

        if (flow.Request is { } request)
        {
            line.Append(" \"").Append(request).Append('"');
        }

        if (flow.Reason is { } reason)
        {
            line.Append(' ').Append(reason);
        }

        if (flow.Rule is { } rule)
        {
            line.Append(" by ").Append(Rule(rule));
        }

        if (flow.Event == "closed")
        {
            line.Append(CultureInfo.InvariantCulture, $" sent {flow.BytesSent} received {flow.BytesReceived} in {flow.DurationSeconds:0.000} s");
        }

        if (flow.TlsGroup is { } group)
        {
            line.Append(" tls ").Append(group);
        }

        if (flow.AuditPolicies.Count > 0)
        {
            line.Append(" audit ").AppendJoin(',', flow.AuditPolicies);
        }

        return line.ToString();
    }

    /// <summary>What a reason means and what to do about it, as a line below that of the flow; null for one that this version does not know.</summary>
    public static string? Meaning(string reason) => ReasonTable.Find(reason) is { } known ? $"             {reason}: {known.Text} -> {known.Remedy}" : null;

    /// <summary>Policy, rule and file of a decision.</summary>
    public static string Rule(RuleReport rule) =>
        rule.Policy
        + (rule.Rule is { } index ? string.Create(CultureInfo.InvariantCulture, $" rule {index}") : "")
        + (rule.File is { } file ? $" ({file})" : "");

    /// <summary>Name and address of one end.</summary>
    public static string End(FlowEndpointReport end)
    {
        var address = end.Address is { } text && text.Contains(':', StringComparison.Ordinal) ? $"[{text}]" : end.Address ?? "?";
        var place = string.Create(CultureInfo.InvariantCulture, $"{address}:{end.Port}");
        return end.Workload is { } name ? $"{name} ({place})" : place;
    }
}
