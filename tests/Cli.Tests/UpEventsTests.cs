using System.CommandLine;
using System.Text.Json;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Cli.Up;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Cli.Tests;

public sealed class UpEventsTests
{
    private static readonly SourceError Error = new("web.yaml", 7, "AuthorizationPolicy shop/web", "spec.action", "is no action");

    [Theory]
    [InlineData(InForceInstead.LastGood, "not in force, the last good version stays: ")]
    [InlineData(InForceInstead.Part, "in force as far as it could be read, what could not allows nothing: ")]
    [InlineData(InForceInstead.Nothing, "not in force: ")]
    public void An_error_says_what_is_in_force_instead(InForceInstead instead, string message)
    {
        var told = Tell(events => events.Objects([Error], _ => instead)).Single();

        Assert.StartsWith(message, told.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(instead == InForceInstead.LastGood, told.GetProperty("lastGoodInForce").GetBoolean());
        Assert.Equal(instead == InForceInstead.Part, told.GetProperty("inForceInPart").GetBoolean());
    }

    [Fact]
    public void An_error_that_moves_is_no_new_one_and_a_second_of_its_kind_is()
    {
        var told = Tell(events =>
        {
            events.Objects([Error], _ => InForceInstead.Nothing);
            events.Objects([Error with { Line = 9 }], _ => InForceInstead.Nothing);
            events.Objects([Error with { Line = 9 }, Error with { Line = 20 }], _ => InForceInstead.Nothing);
            events.Objects([Error with { Line = 10 }], _ => InForceInstead.Nothing);
            events.Objects([], _ => InForceInstead.Nothing);
        });

        Assert.Equal(
            [("object-error", 7), ("object-error", 20), ("object-mended", 20), ("object-mended", 10)],
            told.Select(e => (e.GetProperty("event").GetString()!, e.GetProperty("line").GetInt32())));
    }

    [Fact]
    public void An_error_in_whose_place_another_comes_is_not_mended()
    {
        var told = Tell(events =>
        {
            events.Objects([Error], _ => InForceInstead.LastGood);
            events.Objects([Error with { Reason = "is another error" }], _ => InForceInstead.LastGood);
            events.Objects([Error with { Object = "", Field = "", Reason = "not valid YAML" }], _ => InForceInstead.LastGood);
        });

        Assert.Equal(["object-error", "object-error", "object-error"], told.Select(e => e.GetProperty("event").GetString()!));
    }

    [Fact]
    public void A_warning_is_told_once_and_when_it_no_longer_holds()
    {
        var told = Tell(events =>
        {
            events.Warnings([Error]);
            events.Warnings([Error with { Line = 9 }]);
            events.Warnings([]);
        });

        Assert.Equal([("object-warning", 7), ("object-mended", 9)], told.Select(e => (e.GetProperty("event").GetString()!, e.GetProperty("line").GetInt32())));
        Assert.Equal("in force, but is it meant so? /objects/web.yaml:7: AuthorizationPolicy shop/web: spec.action: is no action", told[0].GetProperty("message").GetString());
    }

    [Theory]
    [InlineData(3, "version 3 stays in force")]
    [InlineData(0, "no version since the start is in force")]
    public void A_refusal_says_which_version_is_in_force(ulong acked, string message)
    {
        var told = Tell(events => events.Node(new("node1") { AckedVersion = acked, NackedVersion = 4, NackReason = "too big" })).Last();

        Assert.Equal("rejected", told.GetProperty("event").GetString());
        Assert.EndsWith(message, told.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    private static List<JsonElement> Tell(Action<UpEvents> what)
    {
        using var output = new StringWriter();
        var parsed = CommandLineRunner.CreateRoot().Parse(["version", "-o", "json"], null);
        parsed.InvocationConfiguration.Output = output;
        what(new UpEvents(new Printer(parsed), output, "/objects", TimeProvider.System));
        return [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }
}
