using System.Text.Json.Nodes;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.CustomResources;

/// <summary>The schemas that API servers are given, and the readers of the folder source, say the same.</summary>
public sealed class OneModelTests
{
    public static TheoryData<string> Kinds => [.. CustomResourceTable.All.Select(r => r.Kind)];

    [Theory, MemberData(nameof(Kinds))]
    public void TheExampleGivesEveryFieldAValueAndIsTaken(string kind)
    {
        CustomResource resource = CustomResourceTable.Find(kind)!;
        Assert.Empty(Read(ResourceSamples.Example(resource)).Errors);
        JsonObject example = ResourceSamples.Example(resource);
        foreach ((object[] path, SchemaNode schema) in ResourceSamples.Places(resource).Where(p => p.Schema.Type == SchemaType.Object))
        {
            // Of the entries of a list one is enough, and of alternatives.
            JsonNode?[] alike = path[^1] is int ? [.. (JsonArray)ResourceSamples.At(example, path[..^1])!] : [ResourceSamples.At(example, path)];
            Assert.All(schema.Fields, f => Assert.True(alike.Any(a => schema.Fields.Any(o => (o == f || (o.IsAlternative && f.IsAlternative)) && a![o.Name] is not null)), $"{kind} {ResourceSamples.Text(path)} has no {f.Name} in its example"));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void WhatARuleRefusesIsTheEndOfASentence(string kind)
    {
        foreach (SchemaRule rule in ResourceSamples.Places(CustomResourceTable.Find(kind)!).SelectMany(p => p.Schema.Rules)) Assert.Matches("^(whose|that) .*[^.]$", rule.Refused);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void TheReaderAsksForTheFieldsOfTheSchemaAndNoOthers(string kind)
    {
        CustomResource resource = CustomResourceTable.Find(kind)!;
        foreach ((object[] path, SchemaNode schema) in ResourceSamples.Places(resource).Where(p => p.Schema.Type == SchemaType.Object))
        {
            SourceError error = Assert.Single(Read(ResourceSamples.With(ResourceSamples.Example(resource), [.. path, "zzz"], () => 1)).Errors);
            Assert.Equal((ResourceSamples.Text(path) + ".zzz", $"unknown field; known are {string.Join(", ", schema.Fields.Select(f => f.Name).Order(StringComparer.Ordinal))}"), (error.Field, error.Reason));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void WhatTheSchemaRefusesTheFolderSourceRefusesWithFieldAndReason(string kind)
    {
        ResourceSample[] samples = [.. ResourceSamples.Of(CustomResourceTable.Find(kind)!)];
        Assert.True(samples.Length > 10);
        Assert.All(samples, sample =>
        {
            ReadObject read = Read(sample.Document);
            Assert.True(read.Errors.Count == 0 == sample.IsGood, $"{sample}: {(sample.IsGood ? string.Join("; ", read.Errors) : "is taken")}");
            Assert.All(read.Errors, e => Assert.True((e.Field.Length > 0 || e.Reason.EndsWith("which are not listed", StringComparison.Ordinal)) && e.Object.Length > 0, $"{sample}: {e}"));
        });
    }

    [Theory, MemberData(nameof(Kinds))]
    public void EveryRuleOverSeveralFieldsHasADocumentThatTheFolderSourceRefusesByIt(string kind)
    {
        CustomResource resource = CustomResourceTable.Find(kind)!;
        Assert.Equal(RulesOf(resource.Spec).Select(r => r.Message).Order(StringComparer.Ordinal), ResourceTable.Of(kind).Select(s => s.BreaksRule).OfType<string>().Distinct().Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void EveryListAndTextHasABoundThatCostsOfRulesAreEstimatedBy(string kind) => Assert.All(Everything(CustomResourceTable.Find(kind)!.Spec), node =>
        Assert.True(node.Type is not (SchemaType.List or SchemaType.Map or SchemaType.Text or SchemaType.IntegerOrText) || node.Most is not null || !node.OneOf.IsEmpty, node.Description));

    private static IEnumerable<SchemaRule> RulesOf(SchemaNode node) => Everything(node).SelectMany(n => n.Rules);

    private static IEnumerable<SchemaNode> Everything(SchemaNode node) =>
        node.Fields.Select(f => f.Schema).Concat(node.Items is { } items ? [items] : []).SelectMany(Everything).Prepend(node);

    private static ReadObject Read(JsonObject document) => ObjectReader.Read(new ApiOrigin("a", "1"), JsonReader.Read(1, document.ToJsonString())!);
}
