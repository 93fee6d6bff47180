using System.Globalization;
using System.Text;
using Culvert.Bench.Measuring;
using Culvert.Bench.Scale;

namespace Culvert.Bench.Report;

/// <summary>The results as plain text.</summary>
internal static class ResultsTable
{
    public static string Format(IReadOnlyList<Result> results, Machine machine, IReadOnlyList<ScaleFigures>? scale = null)
    {
        StringBuilder text = new();
        List<string[]> rows = [["name", "unit", "ours", "peer", "ratio", "spread", "must", "aim", "", "peer is"]];
        rows.AddRange(results.Select(r => (string[])
        [
            r.Name, r.Unit, Number(r.Ours), Number(r.Peer), Fixed(r.Ratio),
            r.Spread.Count == 2 ? $"{Fixed(r.Spread[0])}..{Fixed(r.Spread[1])}" : "-", Fixed(r.Must), Fixed(r.Aim), Verdict(r), r.PeerName,
        ]));
        Append(text, rows);
        List<string[]> costs = [["CPU of the whole machine, kernel and softirq included", "unit", "ours", "peer", "peer / ours"]];
        costs.AddRange(results.Where(r => r.Cost is not null).DistinctBy(r => r.Cost).Select(r => (string[])
            [r.Name, r.Cost!.Unit, Number(r.Cost.Ours), Number(r.Cost.Peer), Fixed(r.Cost.Peer / r.Cost.Ours)]));
        if (costs.Count > 1) Append(text.AppendLine(), costs);
        if (results.Any(r => r.Error is not null)) text.AppendLine().AppendLine("Failed rows:");
        foreach (Result failed in results.Where(r => r.Error is not null)) text.AppendLine(CultureInfo.InvariantCulture, $"{failed.Name}: {failed.Error}");
        if (scale is { Count: > 0 }) Append(text.AppendLine(), new ScaleTable(scale).Rows);
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture,
            $"Machine: {machine.Cores} cores, {machine.CpuModel}, Linux {machine.Kernel}, {machine.MemoryMegabytes} MB, {machine.Runtime}, agent {Kind(machine.Agent)}, controller {Kind(machine.Controller)}; {machine.LoadBefore:P0} busy before the run.");
        return text.ToString();
    }

    private static string Kind(ProgramKind kind) => kind == ProgramKind.Native ? "native" : "managed";

    private static string Verdict(Result r) => r.Error is not null ? "FAILED" : r.Ratio switch
    {
        null => "",
        double ratio when ratio >= r.Aim => "aim met",
        double ratio when ratio >= r.Must => "must met",
        _ => "MISSED",
    };

    private static string Fixed(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "-";

    internal static string Number(double? value) => value switch
    {
        null => "-",
        >= 1000 => value.Value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 100 => value.Value.ToString("0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.00", CultureInfo.InvariantCulture),
    };

    private static void Append(StringBuilder text, IReadOnlyList<string[]> rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(r => r[c].Length))];
        foreach (string[] row in rows)
        {
            text.AppendLine(string.Join("  ", row.Select((cell, c) => IsNumber(cell) ? cell.PadLeft(widths[c]) : cell.PadRight(widths[c]))).TrimEnd());
        }
    }

    private static bool IsNumber(string cell) => cell.Length > 0 && (char.IsDigit(cell[0]) || cell == "-");
}
