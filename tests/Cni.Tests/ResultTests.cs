using System.Text;
using System.Text.Json;

namespace Culvert.Cni.Tests;

/// <summary>Results in the forms of the versions of the specification.</summary>
public sealed class ResultTests
{
    private const string Of04 = """{"cniVersion":"0.4.0","interfaces":[{"name":"veth1"}],"ips":[{"version":"4","address":"10.1.0.5/24","gateway":"10.1.0.1"},{"version":"6","address":"fd00::5/64"}],"routes":[{"dst":"::/0"}],"dns":{} }""";
    private const string Of10 = """{"cniVersion":"1.0.0","interfaces":[{"name":"veth1"}],"ips":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"},{"address":"fd00::5/64"}],"routes":[{"dst":"::/0"}],"dns":{} }""";
    private const string Of11 = """{"cniVersion":"1.1.0","interfaces":[{"name":"veth1","mtu":1500,"socketPath":"/x","pciID":"1"}],"ips":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"},{"address":"fd00::5/64"}],"routes":[{"dst":"::/0","mtu":1,"advmss":2,"priority":3,"table":4,"scope":5}],"dns":{} }""";

    [Theory]
    [InlineData(Of04, "0.4.0", Of04)]
    [InlineData(Of10, "1.0.0", Of10)]
    [InlineData(Of11, "1.1.0", Of11)]
    [InlineData(Of04, "1.0.0", Of10)]
    [InlineData(Of10, "0.4.0", Of04)]
    [InlineData(Of11, "1.0.0", Of10)]
    [InlineData(Of11, "0.4.0", Of04)]
    public void AResultIsHandedOnInTheFormThatWasAskedFor(string previous, string version, string expected) => Assert.Equal(Plain(expected), Plain(Write(previous, version)));

    [Fact]
    public void FieldsThatNobodyHereKnowsStay() => Assert.Contains("\"x.example/own\":1", Write(Calls.Previous, "1.1.0"), StringComparison.Ordinal);

    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void WhatIsWrittenCanBeRead(string version) => Assert.Equal(2, Read(Write(Calls.Previous, version), version).Addresses.Count);

    private static CniResult Read(string previous, string version) => CniResult.Read(JsonDocument.Parse(previous).RootElement, version);

    private static string Write(string previous, string version)
    {
        using MemoryStream written = new();
        using (Utf8JsonWriter writer = new(written)) Read(previous, version).WriteTo(writer, version);
        return Encoding.UTF8.GetString(written.ToArray());
    }

    private static string Plain(string json) => json.Replace(" ", "", StringComparison.Ordinal);
}
