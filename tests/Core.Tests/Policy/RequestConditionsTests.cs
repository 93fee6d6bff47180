namespace Culvert.Core.Tests;

/// <summary>Which requests meet which conditions. What is in doubt is never allowed for it.</summary>
[Trait("Category", "Attack")]
public sealed class RequestConditionsTests
{
    [Theory]
    [InlineData("GET", true)]
    [InlineData("POST", false)]
    [InlineData("get", false)]
    public void Methods_are_compared_as_they_are(string method, bool meets)
    {
        Assert.Equal(meets, Meets(new() { Methods = ["GET", "HEAD"] }, new(method, "shop", "/")));
        Assert.Equal(!meets, Meets(new() { NotMethods = ["GET", "HEAD"] }, new(method, "shop", "/")));
    }

    [Theory]
    [InlineData("shop.example.org", true)]
    [InlineData("SHOP.Example.org:8080", true)]
    [InlineData("shop.example.org.", true)]
    [InlineData("example.org", false)]
    [InlineData("shop.example.org.evil", false)]
    [InlineData("shop.example.org:1:1", true)]
    public void Hosts_are_compared_without_port_and_case(string host, bool meets)
    {
        Assert.Equal(meets, Meets(new() { Hosts = Given.Patterns("*.example.org") }, new("GET", host, "/")));
        Assert.Equal(!meets, Meets(new() { NotHosts = Given.Patterns("*.example.org") }, new("GET", host, "/")));
        Assert.True(Meets(new() { Hosts = Given.Patterns("[::1]") }, new("GET", "[::1]:80", "/")));
    }

    [Theory]
    [InlineData("/admin/users", true, true)]
    [InlineData("/public/../admin/x", true, true)]
    [InlineData("/%61dmin/x", true, true)]
    [InlineData("/admin%2Fx", false, true)] // some servers read /admin/x, others a name with a slash
    [InlineData("//admin/x", false, true)]
    [InlineData("/admin;v=1/x", false, true)]
    [InlineData("/admin;x//y", false, true)]
    [InlineData("/%2Fadmin/x", false, true)]
    [InlineData("/admin%3Bv/x", false, false)]
    [InlineData("/%61%64min/%3A", true, true)]
    [InlineData("/public/x", false, false)]
    public void A_path_that_can_be_read_in_several_ways_has_to_be_allowed_in_each(string path, bool allows, bool denies)
    {
        RequestConditions conditions = new() { Paths = [PathPattern.Parse("/admin/*")] };
        SomeRequest request = new("GET", "shop", path);
        Assert.Equal((allows, denies, denies), (Meets(conditions, request), Meets(conditions, request, PolicyAction.Deny), Meets(conditions, request, PolicyAction.Audit)));
        RequestConditions others = new() { NotPaths = conditions.Paths };
        Assert.Equal((!denies, !allows), (Meets(others, request), Meets(others, request, PolicyAction.Deny)));
    }

    [Theory]
    [InlineData("a", true, true)]
    [InlineData("b", false, false)]
    [InlineData("a|b", false, true)]
    [InlineData("a|web-1", true, true)]
    [InlineData("", false, false)]
    public void A_header_in_several_lines_has_to_meet_it_with_each_to_be_allowed(string values, bool allows, bool denies)
    {
        RequestConditions conditions = new() { Headers = [new HeaderCondition { Name = "x-team", Values = Given.Patterns("a", "web-*"), NotValues = Given.Patterns("web-test") }] };
        Assert.Equal((allows, denies), (Meets(conditions, Team(values)), Meets(conditions, Team(values), PolicyAction.Deny)));
    }

    [Theory]
    [InlineData("a", false, false)]
    [InlineData("b", true, true)]
    [InlineData("a|b", false, true)]
    [InlineData("", true, true)]
    public void A_header_that_must_not_be_something_may_be_away(string values, bool allows, bool denies)
    {
        RequestConditions conditions = new() { Headers = [new HeaderCondition { Name = "x-team", NotValues = Given.Patterns("a") }] };
        Assert.Equal((allows, denies), (Meets(conditions, Team(values)), Meets(conditions, Team(values), PolicyAction.Deny)));
    }

    [Theory]
    [InlineData("/public/x", true, true)]
    [InlineData("/public/../admin", false, false)]
    [InlineData("/public%2F..x", true, true)]
    [InlineData("//public", false, true)] // to some servers it is /public
    [InlineData("/x%2Fpublic", false, false)]
    [InlineData("/pub;x/lic", false, false)]
    [InlineData("/public;x", true, true)]
    public void An_expression_has_to_match_in_each_reading_of_a_path(string path, bool allows, bool denies)
    {
        RequestConditions conditions = new() { Paths = [PathPattern.ParseAny("^/public")] };
        SomeRequest request = new("GET", "shop", path);
        Assert.Equal((allows, denies), (Meets(conditions, request), Meets(conditions, request, PolicyAction.Deny)));
    }

    [Theory]
    [InlineData("Mozilla Firefox/9", true, true)]
    [InlineData("curl", false, false)]
    [InlineData("curl|Firefox", false, true)]
    [InlineData("exact", true, true)]
    [InlineData("", false, false)]
    public void An_expression_has_to_match_the_whole_of_a_header(string values, bool allows, bool denies)
    {
        RequestConditions conditions = new() { Headers = [new HeaderCondition { Name = "x-team", Values = Given.Patterns("exact"), Expressions = [Given.Expression(".*Firefox(/9)?")] }] };
        Assert.Equal((allows, denies), (Meets(conditions, Team(values)), Meets(conditions, Team(values), PolicyAction.Deny)));
        Assert.False(Meets(new() { Headers = [new HeaderCondition { Name = "x-team", Expressions = [Given.Expression("Fire")] }] }, Team("Firefox")));
    }

    [Fact]
    public void A_header_without_values_has_to_be_there()
    {
        RequestConditions conditions = new() { Headers = [new HeaderCondition { Name = "x-team" }] };
        foreach (PolicyAction action in Enum.GetValues<PolicyAction>()) Assert.Equal((true, false), (Meets(conditions, Team("x"), action), Meets(conditions, Team(""), action)));
    }

    [Fact]
    public void All_that_is_given_has_to_be_met()
    {
        RequestConditions all = new() { Methods = ["GET"], Hosts = Given.Patterns("shop"), Paths = [PathPattern.Parse("/a")], Headers = [new HeaderCondition { Name = "x" }] };
        Assert.True(Meets(all, new("GET", "shop", "/a", ("x", "1"))));
        Assert.False(Meets(all, new("PUT", "shop", "/a", ("x", "1"))));
        Assert.False(Meets(all, new("GET", "other", "/a", ("x", "1"))));
        Assert.False(Meets(all, new("GET", "shop", "/b", ("x", "1"))));
        Assert.False(Meets(all, new("GET", "shop", "/a", ("y", "1"))));
    }

    private static SomeRequest Team(string values) => new("GET", "shop", "/", [.. values.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(v => ("x-team", v))]);

    private static bool Meets(RequestConditions conditions, SomeRequest request, PolicyAction action = PolicyAction.Allow) => conditions.Match(request.Head, action);
}
