using Culvert.Bench.Load;

namespace Culvert.Bench.Tests;

public sealed class LoadReportTests
{
    private const string Report = """
        Running 3s test @ http://10.2.0.11:80/
          2 threads and 64 connections
          Thread Stats   Avg      Stdev     Max   +/- Stdev
            Latency     2.15ms    1.90ms  40.68ms   93.15%
            Req/Sec    16.53k     2.08k   21.31k    65.00%
          Latency Distribution
             50%    1.71ms
             75%    2.51ms
             90%  950.00us
             99%    1.20s 
          98934 requests in 3.00s, 17.93MB read
        Requests/sec:  32934.11
        Transfer/sec:      5.97MB
        """;

    [Fact]
    public void ReadsRateTotalAndLatenciesOfWrk()
    {
        WrkResult result = Wrk.Parse(Report);
        Assert.Equal(new WrkResult(32934.11, 98934, 1710, 1_200_000, 0), result);
    }

    [Fact]
    public void CountsSocketErrorsAndBadStatusesOfWrk()
    {
        string report = Report.Replace("Requests/sec:", "  Socket errors: connect 1, read 20, write 3, timeout 4\n  Non-2xx or 3xx responses: 100\nRequests/sec:");
        Assert.Equal(128, Wrk.Parse(report).Errors);
    }

    [Fact]
    public void ReportWithoutAFigureIsRefused() => Assert.Throws<FormatException>(() => Wrk.Parse("unable to connect"));

    [Fact]
    public void ReadsWhatArrivedFromIperf()
    {
        IperfResult result = Iperf.Parse("""{"end":{"sum_sent":{"bytes":9,"bits_per_second":9},"sum_received":{"bytes":1250,"bits_per_second":5000.5}}}""");
        Assert.Equal(new IperfResult(5000.5, 1250), result);
    }

    [Fact]
    public void ErrorOfIperfIsReported()
    {
        FormatException e = Assert.Throws<FormatException>(() => Iperf.Parse("""{"end":{},"error":"unable to connect to server"}"""));
        Assert.Contains("unable to connect", e.Message);
    }

    private const string H2Report = """
        finished in 3.00s, 7007.33 req/s, 670.78KB/s
        requests: 21022 total, 21342 started, 21022 done, 21021 succeeded, 1 failed, 2 errored, 3 timeout
        status codes: 21020 2xx, 4 3xx, 5 4xx, 6 5xx
        traffic: 1.97MB (2060646) total, 1005.94KB (1030078) headers (space savings 44.94%), 205.29KB (210220) data
                             min         max         mean         sd        +/- sd
        time for request:      832us    720.58ms     45.29ms     59.31ms    97.13%
        """;

    [Fact]
    public void ReadsRateTotalErrorsAndBytesOfH2Load() => Assert.Equal(new H2LoadResult(7007.33, 21021, 21, 210_220), H2Load.Parse(H2Report));

    [Fact]
    public void ReportOfH2LoadWithoutAFigureIsRefused() => Assert.Throws<FormatException>(() => H2Load.Parse("finished in 3.00s, 7007.33 req/s, 670.78KB/s"));
}
