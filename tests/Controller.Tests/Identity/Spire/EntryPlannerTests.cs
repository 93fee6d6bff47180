using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Core;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>Which entries there should be, by what the world and the options say.</summary>
public sealed class EntryPlannerTests
{
    private readonly FakeWorld _world = new();

    [Fact]
    public void IdsAreOfLettersDigitsAndDotsAndNotTooLong()
    {
        _world.Set(FakeWorld.Pod("a", "n1", new string('x', 200)));
        EntryPlan plan = Plan(Kept.SomeOptions() with { Mesh = new string('m', 63) });
        string id = Assert.Single(plan.Entries).Key;
        Assert.StartsWith($"culvert.{new string('m', 63)}.", id, StringComparison.Ordinal);
        Assert.True(id.Length <= 255 && id.All(c => char.IsAsciiLetterOrDigit(c) || c == '.'), id);
    }

    [Fact]
    public void TheIdStandsForIdentityParentAndSelectorsAndForNothingElse()
    {
        _world.Set(FakeWorld.Pod("a"), FakeWorld.Pod("b", "n2"), FakeWorld.Pod("c", account: "c"));
        EntryPlan plan = Plan(Kept.SomeOptions());
        Assert.Equal(3, plan.Entries.Count);
        SpireEntryOptions more = Kept.SomeOptions() with { DnsNames = [Kept.OfIdentity("a.example")], Lifetime = TimeSpan.FromSeconds(90) };
        Assert.Equal(plan.Entries.Keys.Order(StringComparer.Ordinal), Plan(more, "peer").Entries.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((90, "a.example", "peer"), Plan(more, "peer").Entries.Values.Select(e => (e.Lifetime, e.DnsNames[0], e.FederatesWith[0])).Distinct().Single());
        SpireEntryOptions turned = Kept.SomeOptions() with { Selectors = [.. Kept.SomeOptions().Selectors.Reverse()] };
        Assert.Equal(plan.Entries.Keys.Order(StringComparer.Ordinal), Plan(turned).Entries.Keys.Order(StringComparer.Ordinal));
        SpireEntryOptions other = Kept.SomeOptions() with { Selectors = [.. Kept.SomeOptions().Selectors, Kept.Selector("k8s:container-name:app")] };
        Assert.Empty(plan.Entries.Keys.Intersect(Plan(other).Entries.Keys));
        Assert.Empty(plan.Entries.Keys.Intersect(Plan(Kept.SomeOptions() with { Mesh = "other" }).Entries.Keys));
        Assert.All(plan.Entries, e => Assert.Equal(e.Key, new EntryPlanner(Kept.SomeOptions()).IdOf(e.Value)));
    }

    [Fact]
    public void WithoutTheUidOfItsNodeAPodHasNoEntryAndThoseOfItsIdentityStay()
    {
        _world.Unknown.Add("n2");
        _world.Set(FakeWorld.Pod("a"), FakeWorld.Pod("b", "n2", "bank"));
        EntryPlan plan = Plan(Kept.SomeOptions());
        Assert.Single(plan.Entries);
        Assert.Equal("spiffe://demo.culvert/ns/shop/sa/bank", Assert.Single(plan.Blocked));
        EntryTrouble trouble = Assert.Single(plan.Troubles);
        Assert.Equal((EntryTroubleKind.Parent, 1, "the uid of the node n2 is not known"), (trouble.Kind, trouble.Count, trouble.Example));
        Assert.Contains("metadata.uid", trouble.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void ANameThatIsNoneIsLeftOutAndTheEntryIsMade()
    {
        string account = string.Join('.', Enumerable.Repeat(new string('a', 60), 4));
        _world.Set(FakeWorld.Pod("a"), FakeWorld.Pod("b", account: account));
        EntryPlan plan = Plan(Kept.SomeOptions() with { DnsNames = [Kept.OfIdentity("{serviceAccount}.{namespace}.svc.example"), Kept.OfIdentity("*.{namespace}.example")] });
        Assert.Equal([1, 2], plan.Entries.Values.Select(e => e.DnsNames.Count).Order());
        EntryTrouble trouble = Assert.Single(plan.Troubles);
        Assert.Equal((EntryTroubleKind.DnsName, 1), (trouble.Kind, trouble.Count));
        Assert.Contains("--spire-entry-dns-name", trouble.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void SelectorsThatWouldMakeOneIdentityOfTwoMakeNone()
    {
        // Whoever may name a namespace and an account could be somebody else.
        _world.Set(FakeWorld.Pod("a", account: "payroll", ns: "shop"), FakeWorld.Pod("b", account: "oll", ns: "shoppayr"), FakeWorld.Pod("c", account: "web", ns: "shop"));
        EntryPlan plan = Plan(Kept.SomeOptions() with { Selectors = [Kept.Selector("unix:user:{namespace}{serviceAccount}")] });
        Assert.Equal("spiffe://demo.culvert/ns/shop/sa/web", Assert.Single(plan.Entries).Value.Identity);
        Assert.Equal(2, plan.Blocked.Count);
        Assert.Equal(EntryTroubleKind.Selectors, Assert.Single(plan.Troubles).Kind);
    }

    [Fact]
    public void TheMeshsOwnTrustDomainIsNeverFederatedWith()
    {
        _world.Set(FakeWorld.Pod("a"));
        Assert.Empty(Assert.Single(Plan(Kept.SomeOptions(), "demo.culvert").Entries).Value.FederatesWith);
    }

    [Fact]
    public void LifetimesAreTheMeshsUnlessSaidOtherwise()
    {
        _world.Set(FakeWorld.Pod("a"));
        Assert.Equal([3600, 0, 7], ((TimeSpan?[])[null, TimeSpan.Zero, TimeSpan.FromSeconds(7)]).Select(l => Assert.Single(Plan(Kept.SomeOptions() with { Lifetime = l }).Entries).Value.Lifetime));
    }

    [Theory]
    [InlineData("a{node.name}b{node.uid}", "anbu")]
    [InlineData("{node.name}", "n")]
    [InlineData("plain", "plain")]
    public void TemplatesAreFilled(string text, string filled)
    {
        Assert.True(EntryTemplate.TryParse(text, [EntryTemplate.NodeName, EntryTemplate.NodeUid], out EntryTemplate? template, out _));
        Assert.Equal((filled, text), (template.Fill(p => p == EntryTemplate.NodeName ? "n" : "u"), template.ToString()));
    }

    [Theory]
    [InlineData("{pod}", "there are {node.name} and {node.uid}")]
    [InlineData("a{node.name", "there are {node.name} and {node.uid}")]
    [InlineData("a}b", "there are {node.name} and {node.uid}")]
    [InlineData("{{node.name}}", "there are {node.name} and {node.uid}")]
    [InlineData("a b", "has blanks")]
    [InlineData("a\nb", "has blanks or control characters")]
    public void WhatIsNoTemplateIsSaid(string text, string reason)
    {
        Assert.False(EntryTemplate.TryParse(text, [EntryTemplate.NodeName, EntryTemplate.NodeUid], out _, out string? error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    private EntryPlan Plan(SpireEntryOptions options, params string[] federatesWith) => new EntryPlanner(options).Plan(_world.Read()!, federatesWith);
}
