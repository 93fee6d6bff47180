using System.Text.Json;
using Culvert.Bench.Measuring;
using Culvert.Bench.Report;
using Culvert.Bench.Sides;

namespace Culvert.Bench.Tests;

public sealed class RowCollectorTests
{
    private static readonly Metric First = new("first", "requests/s", true, "peer", 1.0, 1.2);
    private static readonly Metric Second = new("second", "us", false, "peer", 1.0, 1.2);
    private static readonly Metric Third = new("third", "us", false, "peer", 1.0, 1.2);
    private static readonly Machine Machine = new(2, "cpu", "6.18", 1, ".NET", 0, DateTimeOffset.UnixEpoch, ProgramKind.Native, ProgramKind.Managed);

    [Fact]
    public async Task AFailedRowIsReportedAndTheOthersAreKept()
    {
        List<string[]> written = [];
        RowCollector rows = new(all => Note(written, all));
        await rows.AddAsync([First], () => MeasuredAsync(First), TestContext.Current.CancellationToken);
        await rows.AddAsync([Second, Third], () => throw new BenchInvalidException("7 of 9 requests failed."), TestContext.Current.CancellationToken);
        await rows.AddAsync([First], () => MeasuredAsync(First), TestContext.Current.CancellationToken);
        Assert.Equal([null, "7 of 9 requests failed.", "7 of 9 requests failed.", null], rows.Rows.Select(r => r.Error));
        Assert.Equal(["first", "second", "third", "first"], rows.Rows.Select(r => r.Name));
        Assert.True(rows.AnyFailed);

        // What was measured is told at once, not at the end.
        Assert.Equal([["first"], ["first", "second", "third"], ["first", "second", "third", "first"]], written);
    }

    [Fact]
    public async Task AnErrorThatTheBenchDoesNotKnowNamesItsType()
    {
        RowCollector rows = new(_ => Task.CompletedTask);
        await rows.AddAsync([First], () => throw new HttpRequestException("refused"), TestContext.Current.CancellationToken);
        Assert.Contains(nameof(HttpRequestException), Assert.Single(rows.Rows).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARequestThatTimesOutFailsItsRowOnly()
    {
        RowCollector rows = new(_ => Task.CompletedTask);
        await rows.AddAsync([First], () => throw new TaskCanceledException("100 seconds passed"), TestContext.Current.CancellationToken);
        Assert.NotNull(Assert.Single(rows.Rows).Error);
    }

    [Fact]
    public async Task AnInterruptedRowIsNotReported()
    {
        using CancellationTokenSource stop = new();
        RowCollector rows = new(_ => Task.CompletedTask);
        await rows.AddAsync([First], () => MeasuredAsync(First), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => rows.AddAsync([Second], () => throw new OperationCanceledException(stop.Token), stop.Token));
        Assert.Equal("first", Assert.Single(rows.Rows).Name);
    }

    [Fact]
    public async Task AValueThatIsNotANumberFailsItsRowAndNotTheFile()
    {
        RowCollector rows = new(_ => Task.CompletedTask);
        await rows.AddAsync([First], () => Task.FromResult<IReadOnlyList<Result>>([Result.Of(First, [new(1, 0, double.PositiveInfinity)], null)]), TestContext.Current.CancellationToken);
        Assert.Contains("not a finite number", Assert.Single(rows.Rows).Error, StringComparison.Ordinal);
        Assert.Contains("\"ratio\": null", JsonSerializer.Serialize(rows.Rows, ResultsJson.Default.IReadOnlyListResult), StringComparison.Ordinal);
    }

    [Fact]
    public void JsonAndTableTellTheError()
    {
        Result failed = Result.Failed(Second, "no answer");
        using JsonDocument document = JsonDocument.Parse(JsonSerializer.Serialize([failed], ResultsJson.Default.IReadOnlyListResult));
        JsonElement row = Assert.Single(document.RootElement.EnumerateArray());
        Assert.Equal("no answer", row.GetProperty("error").GetString());
        Assert.Equal(JsonValueKind.Null, row.GetProperty("peer").ValueKind);
        string table = ResultsTable.Format([Result.Of(First, [new(11, 10, 1.1)], null), failed], Machine);
        Assert.Contains("must met", table, StringComparison.Ordinal);
        Assert.Contains("FAILED", table, StringComparison.Ordinal);
        Assert.Contains("second: no answer", table, StringComparison.Ordinal);
        Assert.Contains("agent native, controller managed", table, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatALoadChangedIsUndoneAlsoWhenItFails(bool fails)
    {
        int undone = 0;
        Scenario scenario = new([First], "CPU s", null, new Target(null!, "10.0.0.1", 80, 5201), (_, _, _) => fails
            ? throw new BenchInvalidException("refused")
            : Task.FromResult(new Reading([1.0], 1)), Restore: _ =>
        {
            undone++;
            return Task.CompletedTask;
        });
        Comparison comparison = new(1, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        Task<IReadOnlyList<Result>> run = comparison.RunAsync(scenario, TestContext.Current.CancellationToken);
        if (fails) await Assert.ThrowsAsync<BenchInvalidException>(() => run);
        else Assert.Equal(1, Assert.Single(await run).Peer);
        Assert.Equal(1, undone);
    }

    [Fact]
    public async Task BothErrorsAreToldWhenUndoingFailsToo()
    {
        AggregateException both = await Assert.ThrowsAsync<AggregateException>(() => Restoring.RunAsync<int>(
            () => throw new BenchInvalidException("refused"), _ => throw new TimeoutException("not taken back"), TestContext.Current.CancellationToken));
        Assert.Equal(["refused", "not taken back"], both.InnerExceptions.Select(e => e.Message));
    }

    private static Task<IReadOnlyList<Result>> MeasuredAsync(Metric metric) => Task.FromResult<IReadOnlyList<Result>>([Result.Of(metric, [new(10, 5, 2)], null)]);

    private static Task Note(List<string[]> written, IReadOnlyList<Result> rows)
    {
        written.Add([.. rows.Select(r => r.Name)]);
        return Task.CompletedTask;
    }
}
