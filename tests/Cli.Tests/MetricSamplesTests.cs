using Culvert.Labs.Mesh;

namespace Culvert.Cli.Tests;

public sealed class MetricSamplesTests
{
    [Fact]
    public void Samples_are_summed_by_name_and_labels()
    {
        var samples = MetricSamples.Parse("""
            # TYPE a counter
            a{x="1",y="with } brace"} 2
            a{x="2"} 3.5 1700000000
            b 7
            c_bucket{le="+Inf"} +Inf
            # EOF

            """);

        Assert.Equal(4, samples.Count);
        Assert.Equal(5.5, samples.Sum("a"));
        Assert.Equal(2, samples.Sum("a", "x=\"1\""));
        Assert.Equal(7, samples.Sum("b"));
    }

    [Fact]
    public void A_line_that_is_no_sample_is_an_error() =>
        Assert.Throws<FormatException>(() => MetricSamples.Parse("nonsense\n"));
}
