using System.CommandLine;
using System.Globalization;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Core;
using Spectre.Console;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert status</c></summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var command = new ExampleCommand(
            "status",
            "Show what the agent of this node does: controller, snapshot, workloads, kernel programs and maps, drops.",
            new Example("culvert status", "the node at a glance"),
            new Example("culvert status -o json | jq .workloads", "workloads and when their certificates end"))
        {
            Codes = [(ExitCode.Ok, "the agent is ready"), (ExitCode.Failed, "the agent is not ready, or a workload is not captured or has no certificate")],
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        var report = AdminMapping.ToReport(await admin.StatusAsync(cancellationToken));
        new Printer(result).Print(report, json => json.StatusReport, console => Write(console, report));
        return report.Ready && report.Workloads.All(w => w is { Error: null, CertificateError: null, PolicyError: null }) ? (int)ExitCode.Ok : (int)ExitCode.Failed;
    }

    private static void Write(IAnsiConsole console, StatusReport report)
    {
        var controller = report.Controller.Connected ? "connected" : "not connected: " + (report.Controller.Error ?? "no answer yet");
        var grid = new Grid().AddColumn().AddColumn();
        Row(grid, "Node", report.Node);
        var state = report.DrainRemainingSeconds is { } seconds ? Text($"stopping: draining for {seconds:0} s at most") : report.Ready ? "ready" : "not ready";
        Row(grid, "Agent", Text($"{report.AgentVersion}, pid {report.Pid}, {state}, since {report.Started:u}"));
        Row(grid, "Controller", $"{report.Controller.Address} {controller}");
        if (report.Controller.NodeCertificateNotAfter is { } end)
        {
            Row(grid, "Node certificate", Text($"until {end:u}"));
        }

        Row(grid, "Snapshot", Text($"{report.Snapshot.Version}, applied {report.Snapshot.Applied:u}"));
        if (report.Snapshot.Error is { } error)
        {
            Row(grid, "Rejected", error);
        }

        if (report.Snapshot.SaveError is { } unsaved)
        {
            Row(grid, "Not saved", unsaved);
        }

        var objects = report.Objects;
        if (objects.Rejected + objects.LastGoodKept + objects.InPart > 0)
        {
            Row(grid, "Objects", Text($"{objects.Rejected} rejected, {objects.LastGoodKept} kept at their last good version, {objects.InPart} in force in part, all others accepted"));
        }
        else if (objects.Errors == 0 && report.Snapshot.Version > 0)
        {
            Row(grid, "Objects", "all accepted");
        }

        if (objects.Errors + objects.Warnings > 0)
        {
            Row(grid, "Problems", $"{Count(objects.Errors, "error")}, {Count(objects.Warnings, "warning")}");
        }

        if (report.DirectPath is { } path)
        {
            var delivery = path.Mode == "redirect" ? "straight from pod to pod" : "by the node's own forwarding";
            Row(grid, "Direct path", string.Join("; ", [delivery, .. path.Reasons]));
        }

        if (report.TunnelSource is { } source)
        {
            Row(grid, "Tunnels", string.Join("; ", [source.Source == "pod" ? "from the workloads' addresses" : "from the node's address", .. source.Configured == "auto" ? Array.Empty<string>() : ["the MeshConfig asks for it"], .. source.Reasons]));
        }

        if (report.TranslationError is { } untold)
        {
            Row(grid, "Translation", $"what others translate, as kube-proxy does, is not kept off captured packets: {untold}");
        }

        if (report.DeliveryError is { } untried)
        {
            Row(grid, "Delivery", $"whether captured packets reach the proxy can't be tried, and rules of the node that stop them may go unnoticed: {untried}");
        }

        if (report.CniError is { } uninstalled)
        {
            Row(grid, "CNI plugin", $"pods may start without waiting until they are captured: {uninstalled}");
        }

        if (report.ProgramsPutFirst > 0)
        {
            Row(grid, "Order", Text($"programs of others ran before the agent's {report.ProgramsPutFirst} times; it has put its own first again"));
        }

        if (report.Workloads.Count == 0)
        {
            Row(grid, "Workloads", "none of this node is in the mesh");
        }

        Row(grid, "Open", Text($"{report.OpenConnections} connections, {report.OpenTunnels} tunnels"));
        console.Write(grid);

        var workloads = Table("Workload", "State", "Interface", "Addresses", "Identity", "mTLS", "Policies", "Certificate until");
        foreach (var w in report.Workloads)
        {
            Row(workloads, w.Uid, StateOf(w), w.Interface, string.Join(' ', w.Addresses), w.Identity, w.MtlsMode, string.Join(' ', w.Policies), w.CertificateError is { } missing ? $"none yet: {missing}" : Text($"{w.CertificateNotAfter:u}"));
        }

        var programs = Table("Program", "Interface", "Attachment", "Id");
        foreach (var p in report.Programs)
        {
            Row(programs, p.Name, p.Interface, p.Attachment, Text($"{p.Id}"));
        }

        var maps = Table("Map", "Entries", "of");
        foreach (var m in report.Maps)
        {
            Row(maps, m.Name, Text($"{m.Entries}"), Text($"{m.MaxEntries}"));
        }

        var drops = Table("Dropped because of", "Packets", "What it means", "What to do");
        foreach (var (reason, count) in report.Drops.Where(d => d.Value > 0))
        {
            Row(drops, reason, Text($"{count}"), ReasonTable.Find(reason)?.Text ?? "", ReasonTable.Find(reason)?.Remedy ?? "");
        }

        var problems = Table("Problem", "Where", "Object", "Field", "What");
        foreach (var p in report.Objects.Problems)
        {
            Row(problems, p.Severity, p.Line is { } line ? Text($"{p.File}:{line}") : p.File, p.Object ?? "", p.Field ?? "", p.Reason + (p.LastGoodInForce ? "; the last good version stays in force" : p.InForceInPart ? "; in force as far as it could be read, what could not allows nothing" : ""));
        }

        foreach (var table in new[] { problems, workloads, programs, maps, drops }.Where(t => t.Rows.Count > 0))
        {
            console.Write(table);
        }
    }

    private static string StateOf(WorkloadReport workload) => workload switch
    {
        { Error: { } error } => $"{workload.State}: {error}",
        { PolicyError: { } refused } => $"{workload.State}, closed: {refused}",
        { InsideReason: { } inside } => $"{workload.State} inside its namespace: {inside}",
        { HostStackReason: { } why } => $"{workload.State}, not direct: {why}",
        _ => workload.State,
    };

    private static Table Table(params string[] columns) => new Table().Border(TableBorder.Simple).AddColumns(columns);

    private static string Count(long number, string noun) => Text($"{number} {noun}{(number == 1 ? "" : "s")}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void Row(Table table, params string[] cells) => table.AddRow(Array.ConvertAll(cells, Markup.Escape));

    private static void Row(Grid grid, params string[] cells) => grid.AddRow(Array.ConvertAll(cells, Markup.Escape));
}
