using System.Globalization;
using Spectre.Console;

namespace Culvert.Cli.Output;

/// <summary>What <c>culvert identity</c> says to people.</summary>
internal static class IdentityText
{
    /// <summary>The node's own identity while it is not known.</summary>
    public const string Node = "(the node's own)";

    public static void Write(IAnsiConsole console, IdentityListReport report)
    {
        if (report.Identities.Count == 0)
        {
            console.WriteLine("no workload of this node is in the mesh, and the node needs no certificate");
            WriteFederated(console, report);
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumns("Identity", "Workloads", "State", "Serial", "Valid until", "Next renewal", "Version", "From", "Last error");
        foreach (var i in report.Identities)
        {
            var workloads = i.IsNode ? "node" : Text($"{i.Workloads.Count}");
            string[] cells = [i.Identity ?? Node, workloads, i.State, i.Serial ?? "-", i.NotAfter is { } end ? Text($"{end:u}") : "-", NextOf(i), Text($"{i.Version}"), i.Source ?? "-", i.Error ?? "-"];
            table.AddRow(Array.ConvertAll(cells, Markup.Escape));
        }

        console.Write(table);
        WriteFederated(console, report);
    }

    public static void Write(TextWriter output, IdentityShowReport report)
    {
        var identity = report.Identity;
        output.WriteLine(identity.Identity ?? Node);
        Line(output, "trust domain", report.TrustDomain ?? "not known yet");
        Line(output, "workloads", identity.IsNode ? "none: it is the node's own" : string.Join(' ', identity.Workloads));
        Line(output, "state", identity.State);
        Line(output, "version", Text($"{identity.Version}"));
        Line(output, "next renewal", NextOf(identity));
        Line(output, "from", identity.Source ?? "not told");
        if (identity.Error is { } error)
        {
            Line(output, "last error", error);
        }

        Write(output, "certificate", report.Chain);
        Write(output, "root of the trust bundle", report.Roots);
    }

    public static void Write(TextWriter output, IdentityRotateReport report)
    {
        foreach (var r in report.Rotations)
        {
            var name = r.Identity.Length > 0 ? r.Identity : Node;
            output.WriteLine(r.Error is { } error
                ? $"FAILED  {name}: {error}" + (r.Before is { } kept ? $"; {Short(kept)} stays in use" : "")
                : $"renewed {name}: {(r.Before is { } before ? Short(before) : "nothing")} -> {Short(r.After!)}");
        }

        if (report.Rotations.Count == 0)
        {
            output.WriteLine("this node has no identity");
        }
    }

    public static void Write(TextWriter output, IdentityVerifyReport report)
    {
        foreach (var c in report.Certificates)
        {
            var which = c is { Serial: { } serial, NotAfter: { } end } ? Text($" (serial {serial}, until {end:u})") : "";
            output.WriteLine((c.Broken.Count == 0 ? "ok      " : "BROKEN  ") + c.Name + which);
            foreach (var broken in c.Broken)
            {
                output.WriteLine($"        {broken.Rule}: {broken.Text}");
            }
        }

        if (report.Certificates.Count == 0)
        {
            output.WriteLine("this node has no identity");
        }
    }

    private static void WriteFederated(IAnsiConsole console, IdentityListReport report)
    {
        foreach (var f in report.Federated)
        {
            console.WriteLine(Text($"federated with {f.TrustDomain}: ") + (f.NotAfter is { } end ? Text($"{f.Roots} roots, the last ends at {end:u}") : "no roots, so nobody of it is believed"));
        }
    }

    private static void Write(TextWriter output, string what, IReadOnlyList<CertificateReport> certificates)
    {
        for (var i = 0; i < certificates.Count; i++)
        {
            var c = certificates[i];
            output.WriteLine(Text($"{what} {i + 1} of {certificates.Count}"));
            Line(output, "subject", c.Subject.Length > 0 ? c.Subject : "(empty)");
            Line(output, "issuer", c.Issuer.Length > 0 ? c.Issuer : "(empty)");
            Line(output, "serial", c.Serial);
            Line(output, "not before", Text($"{c.NotBefore:u}"));
            Line(output, "not after", Text($"{c.NotAfter:u}"));
            Line(output, "key", c.Key);
            Line(output, "sha-256", c.Fingerprint);
        }
    }

    private static string NextOf(IdentityReport identity) => identity.NextAttempt is { } next ? Text($"{next:u}") : identity.Source == IdentityReport.SpireAgent ? "by SPIRE" : "now";

    private static string Short(CertificateReport certificate) => Text($"serial {certificate.Serial} until {certificate.NotAfter:u}");

    private static void Line(TextWriter output, string label, string value) => output.WriteLine($"  {label,-13} {value}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
