using System.Text.Json;
using Culvert.Controller.Admission;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Admission;

/// <summary>What is thought of objects before they are stored.</summary>
public sealed class ObjectReviewTests
{
    private const string Twice = "\"10.91.1.1\",\"10.91.1.1\"";
    private const string BadAnnotation = ""","annotations":{"culvert.dev/wieght":"3"} """;

    public static TheoryData<string> Kinds => [.. CustomResourceTable.All.Select(r => r.Kind)];

    [Theory, MemberData(nameof(Kinds))]
    public void OfEachKindWhatTheReaderTakesIsLetInAndNothingElse(string kind)
    {
        ResourceSample[] samples = [.. ResourceSamples.Of(CustomResourceTable.Find(kind)!)];
        Assert.Contains(samples, s => s.IsGood);
        Assert.Contains(samples, s => !s.IsGood);
        Assert.All(samples, sample =>
        {
            string text = sample.Document.ToJsonString();
            AdmissionVerdict verdict = Reviews.Judge(text);
            Assert.Equal(sample.IsGood, verdict.IsAllowed);
            if (sample.IsGood) return;
            SourceError first = ObjectReader.Read(new ApiOrigin("x", ""), JsonReader.Read(1, text)!).Errors[0];
            Assert.StartsWith(first.Field.Length > 0 ? $"{first.Field}: {first.Reason}" : first.Reason, verdict.Refusal, StringComparison.Ordinal);
            Assert.Equal(first.Object, verdict.Object);
        });
    }

    [Fact]
    public void ARefusalNamesEveryFieldAndTheObject()
    {
        AdmissionVerdict verdict = Reviews.Judge(Reviews.Workload(",\"serviceAccount\":\"Not A Name\"", BadAnnotation, Twice));
        Assert.Equal("Workload shop/web", verdict.Object);
        Assert.Contains("spec.addresses: an address is there twice; ", verdict.Refusal, StringComparison.Ordinal);
        Assert.Contains("spec.serviceAccount: ", verdict.Refusal, StringComparison.Ordinal);
        Assert.Contains("metadata.annotations.culvert.dev/wieght: unknown annotation", verdict.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatAnInstallationKeepsAtItsNamespaceIsKnownThereOnly()
    {
        const string Kept = ""","annotations":{"culvert.dev/install-options":"{}"} """;
        ReadObject read = ObjectReader.Read(new ApiOrigin("x", ""), JsonReader.Read(1, $$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"culvert-system"{{Kept}} } }""")!);
        Assert.Empty(read.Errors);
        Assert.Contains("culvert.dev/install-options: means nothing on a Workload", Reviews.Judge(Reviews.Workload("", Kept)).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void ARefusalIsNoLongerThanPeopleRead()
    {
        AdmissionVerdict verdict = Reviews.Judge(Reviews.Workload(string.Concat(Enumerable.Range(0, 5000).Select(i => $",\"{new string('x', 500)}{i}\":1"))));
        Assert.InRange(verdict.Refusal!.Length, 100, 10_000);
        Assert.EndsWith("more, which are not listed", verdict.Refusal, StringComparison.Ordinal);
    }

    // Whoever reaches the port can send them: what takes four times as long for twice as many takes minutes here.
    [Theory]
    [InlineData(true, "metadata.annotations.culvert.dev/x0: unknown annotation")]
    [InlineData(false, "spec.culvert.dev/x0: unknown field")]
    public async Task VeryManyFaultsAreSoonFound(bool isAnnotation, string expected)
    {
        string fields = string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"culvert.dev/x{i}\":\"\""));
        string item = isAnnotation ? Reviews.Workload("", $",\"annotations\":{{{fields}}}") : Reviews.Workload("," + fields);
        AdmissionVerdict verdict = await Task.Run(() => Reviews.Judge(item), TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.StartsWith(expected, verdict.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void AFaultThatWasThereBeforeIsNoReasonToKeepFinalizersAndLabels()
    {
        string before = Reviews.Workload("", ",\"finalizers\":[\"a/b\"]", Twice);
        AdmissionVerdict verdict = Reviews.Judge(Reviews.Workload("", ",\"labels\":{\"app\":\"web\"}", Twice), before);
        Assert.True(verdict.IsAllowed);
        Assert.Contains("spec.addresses: an address is there twice", verdict.Warnings);
        Assert.Contains("an address is there twice", Reviews.Judge(Reviews.Workload(",\"enrolled\":true", "", Twice), before).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void AFaultThatComesByAnAnnotationIsOne()
    {
        Assert.Contains("culvert.dev/wieght", Reviews.Judge(Reviews.Workload("", BadAnnotation), Reviews.Workload()).Refusal, StringComparison.Ordinal);
        Assert.True(Reviews.Judge(Reviews.Workload("", BadAnnotation), Reviews.Workload("", BadAnnotation + ",\"finalizers\":[\"a/b\"]")).IsAllowed);
    }

    [Fact]
    public void WhatIsBeingDeletedMayBeAsItIs()
    {
        const string Deleted = ",\"deletionTimestamp\":\"2026-11-26T10:00:00Z\"";
        Assert.True(Reviews.Judge(Reviews.Workload(",\"enrolled\":1", Deleted, Twice), Reviews.Workload("", Deleted + ",\"finalizers\":[\"a/b\"]")).IsAllowed);
        Assert.False(Reviews.Judge(Reviews.Workload("", Deleted, Twice)).IsAllowed);
    }

    [Theory]
    [InlineData("DELETE", "")]
    [InlineData("CONNECT", "")]
    [InlineData("UPDATE", "status")]
    public void OnlyObjectsThatAreStoredAreLookedAt(string operation, string subresource) => Assert.True(Reviews.Judge(Reviews.Workload("", "", Twice), Reviews.Workload(), operation, subresource).IsAllowed);

    [Theory]
    [InlineData("v1", "ConfigMap")]
    [InlineData("v1", "Service")]
    [InlineData("culvert.dev/v2", "Workload")]
    [InlineData("culvert.dev/v1alpha1", "Workloads")]
    public void OtherKindsAreNobodysBusinessHere(string version, string kind)
    {
        AdmissionVerdict verdict = Reviews.Judge($$"""{"apiVersion":"{{version}}","kind":"{{kind}}","metadata":{"name":"x","annotations":{"culvert.dev/weight":"no"} },"spec":{"ports":7} }""");
        Assert.True(verdict.IsAllowed);
        Assert.Contains("it was not looked at", Assert.Single(verdict.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsInForceAndHasNoEffectIsAWarning()
    {
        AdmissionVerdict verdict = Reviews.Judge(Reviews.Workload("", ""","annotations":{"config.nsm.nginx.com/ignore-outgoing-ports":"80"} """));
        Assert.True(verdict.IsAllowed);
        Assert.Contains("has no effect: what goes to members is encrypted all the same", Assert.Single(verdict.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void AnObjectThatCantBeReadIsRefusedAsOneThatIsStored()
    {
        string deep = new string('[', 40) + new string(']', 40), deeper = new string('[', 100) + new string(']', 100);
        Assert.Equal("can't be read: nested deeper than 32 levels", Reviews.Judge(Reviews.Workload($",\"x\":{deep}")).Refusal);
        using JsonDocument review = JsonDocument.Parse(Reviews.Of(Reviews.Workload()).Replace("[]", deeper, StringComparison.Ordinal), new() { MaxDepth = 256 });
        Assert.StartsWith("can't be read: ", ObjectReview.Of(AdmissionRequest.Parse(review.RootElement)).Refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{} }""")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}""")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","kind":"Workload"} }""")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"\ud800","operation":"CREATE","kind":{"group":"culvert.dev","version":"v1alpha1","kind":"Workload"} } }""")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","kind":{"group":"culvert.dev","version":"v1alpha1","kind":"Workload"},"object":null} }""")]
    public void WhatIsNoReviewIsSaidToBeNone(string text)
    {
        using JsonDocument review = JsonDocument.Parse(text);
        Assert.Throws<JsonException>(() => ObjectReview.Of(AdmissionRequest.Parse(review.RootElement)));
    }
}
