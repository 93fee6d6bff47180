using System.Text.Json;
using Culvert.Bench.Measuring;
using Culvert.Bench.Report;


namespace Culvert.Bench.Tests;

public sealed class ResultTests
{
    private static readonly Metric Rate = new("l4.rate", "requests/s", true, "peer", 1.2, 1.6);
    private static readonly Metric Time = new("l4.time", "us", false, "peer", 1.0, 1.2);

    [Fact]
    public void RatioAboveOneMeansBetterWhicheverWayTheUnitPoints()
    {
        Assert.Equal(2, Rate.Ratio(ours: 200, peer: 100));
        Assert.Equal(2, Time.Ratio(ours: 50, peer: 100));
    }

    [Fact]
    public void ResultIsTheMedianOfTheRoundsRatios()
    {
        Result result = Result.Of(Rate, [new(10, 10, 1), new(30, 10, 3), new(20, 10, 2)], null);
        Assert.Equal(2, result.Ratio);
        Assert.Equal(20, result.Ours);
        Assert.Equal([1, 3], result.Spread);
    }

    [Fact]
    public void MedianOfAnEvenNumberIsTheMeanOfTheMiddleTwo() => Assert.Equal(2.5, Statistics.Median([4, 1, 3, 2]));

    [Fact]
    public void JsonHasTheAgreedNames()
    {
        string json = JsonSerializer.Serialize([Result.Of(Rate, [new(10, 5, 2)], null)], ResultsJson.Default.IReadOnlyListResult);
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement first = Assert.Single(document.RootElement.EnumerateArray());
        Assert.Equal("l4.rate", first.GetProperty("name").GetString());
        Assert.Equal("requests/s", first.GetProperty("unit").GetString());
        Assert.Equal(10, first.GetProperty("ours").GetDouble());
        Assert.Equal(5, first.GetProperty("peer").GetDouble());
        Assert.Equal("peer", first.GetProperty("peer_name").GetString());
        Assert.Equal(2, first.GetProperty("ratio").GetDouble());
    }

    [Fact]
    public void TableNamesAMissedMust()
    {
        Machine machine = new(2, "cpu", "6.18", 1, ".NET", 0, DateTimeOffset.UnixEpoch, ProgramKind.Native, ProgramKind.Managed);
        Assert.Contains("MISSED", ResultsTable.Format([Result.Of(Rate, [new(11, 10, 1.1)], null)], machine));
        Assert.Contains("aim met", ResultsTable.Format([Result.Of(Rate, [new(16, 10, 1.6)], null)], machine));
    }

    [Fact]
    public void CpuTimeCountsInterruptsAndSoftirqsButNotIdlingDisksOrOtherGuests() =>
        Assert.Equal(111.11, CpuClock.ParseBusySeconds("cpu  1 10 100 900000 70000 1000 10000 5000000 0 0"), 3);

    [Fact]
    public void CpuTimeOfAProcessIsReadBehindItsNameWhateverThatIs() =>
        Assert.Equal(1.53, ProcFile.ParseCpuSeconds("4300 (a) R (b 7) S 1 4300 4300 0 -1 4194560 30111 0 12 0 120 33 0 0 20 0 25 0 7032181 52000000000 30464 18446744073709551615"), 3);
}
