using System.Collections.Immutable;
using System.Net;
using System.Text;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>Which requests <c>grpc</c> and <c>notGrpc</c> of a policy mean, as the evaluator decides.</summary>
[Trait("Category", "Attack")]
public sealed class GrpcConditionsTests
{
    private const string GetAndHealth = "grpc: [{service: shop.v1.Cart, method: Get}, {service: grpc.health.v1.Health}]";
    private const string AllButEmpty = "grpc: [{service: shop.v1.Cart}], notGrpc: [{service: shop.v1.Cart, method: Empty}]";
    private const string NoCart = "notGrpc: [{service: shop.v1.Cart}]";

    [Theory]
    [InlineData(GetAndHealth, "POST /shop.v1.Cart/Get", true, true)]
    [InlineData(GetAndHealth, "GET /shop.v1.Cart/Get", false, true)]
    [InlineData(GetAndHealth, "POST /shop.v1.Cart/GetAll", false, false)]
    [InlineData(GetAndHealth, "POST /shop.v1.Cart/get", false, false)]
    [InlineData(GetAndHealth, "POST /shop.v1.Cart/Get/", false, false)]
    [InlineData(GetAndHealth, "POST /shop.v1.Cart", false, false)]
    [InlineData(GetAndHealth, "POST /shop_v1.Cart/Get", false, false)]
    [InlineData(GetAndHealth, "POST /grpc.health.v1.Health/Check", true, true)]
    [InlineData(GetAndHealth, "POST /grpc.health.v1.Health/Watch", true, true)]
    [InlineData(GetAndHealth, "POST /grpc.health.v1.HealthX/Check", false, false)]
    [InlineData(AllButEmpty, "POST /shop.v1.Cart/Put", true, true)]
    [InlineData(AllButEmpty, "POST /shop.v1.Cart/Empty", false, false)]
    [InlineData(AllButEmpty, "GET /shop.v1.Cart/Put", false, true)]
    [InlineData(NoCart, "POST /shop.v1.Cart/Put", false, false)]
    [InlineData(NoCart, "GET /shop.v1.Cart/Put", false, true)]
    [InlineData(NoCart, "POST /shop.v1.Carts/Put", true, true)]
    [InlineData(NoCart + ", methods: [POST]", "GET /x", false, false)]
    [InlineData(NoCart + ", methods: [POST]", "POST /x", true, true)]
    [InlineData(NoCart + ", notPaths: [/x]", "GET /x", false, false)]
    [InlineData(NoCart + ", notPaths: [/x]", "POST /x", false, false)]
    [InlineData(NoCart + ", paths: [/x, /shop.v1.Cart/Put]", "POST /shop.v1.Cart/Put", false, false)]
    [InlineData(NoCart + ", paths: [/x, /shop.v1.Cart/Put]", "PUT /shop.v1.Cart/Put", false, true)]
    [InlineData(NoCart + ", paths: [/x, /shop.v1.Cart/Put]", "POST /y", false, false)]
    [InlineData(GetAndHealth, "post /shop.v1.Cart/Get", false, true)] // no method of HTTP that anybody knows, but to servers that take small letters for capitals
    [InlineData(AllButEmpty, "GET /shop.v1.Cart/Empty", false, true)]
    public void CallsAreMeantByServiceAndMethod(string to, string request, bool allows, bool denies)
    {
        Assert.Equal(allows ? "AllowedByPolicy" : "NoAllowMatched", Decide("ALLOW", to, request));
        Assert.Equal(denies ? "DeniedByPolicy" : "AllowedByDefault", Decide("DENY", to, request));
    }

    // Some servers take %2F for a slash. What is in doubt is not allowed, and is denied.
    [Theory]
    [InlineData("grpc: [{service: shop.v1.Cart}]", "POST /shop.v1.Cart%2FGet", false, true)]
    [InlineData(NoCart, "POST /shop.v1.Cart%2FGet", false, true)]
    [InlineData(NoCart, "GET /shop.v1.Cart%2FGet", false, true)]
    public void WhatIsInDoubtIsNotAllowed(string to, string request, bool allows, bool denies)
    {
        Assert.Equal(allows ? "AllowedByPolicy" : "NoAllowMatched", Decide("ALLOW", to, request));
        Assert.Equal(denies ? "DeniedByPolicy" : "AllowedByDefault", Decide("DENY", to, request));
    }

    [Fact]
    public void NamesMayBeAsLongAsAPathTakes()
    {
        string service = new('s', GrpcConditionsReader.LongestService), method = new('m', GrpcConditionsReader.LongestMethod);
        Assert.Equal("AllowedByPolicy", Decide("ALLOW", $"grpc: [{{service: {service}, method: {method}}}]", $"POST /{service}/{method}"));
    }

    private static string Decide(string action, string to, string request)
    {
        string text = $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: demo}}\nspec: {{action: {action}, rules: [{{to: [{{ports: [9090], {to}}}]}}]}}\n";
        ReadObject read = ObjectReader.Read("a.yaml", Assert.Single(DocumentReader.Read("a.yaml", text)));
        Assert.Empty(read.Errors);
        PolicyInfo policy = Assert.IsType<AuthorizationPolicyObject>(read.Object).Policy;
        WorkloadInfo cart = new()
        {
            Uid = "demo/cart",
            Name = new("demo", "cart"),
            ServiceAccount = "cart",
            Identity = SpiffeId.ForServiceAccount("td", "demo", "cart"),
            Node = "n1",
            Addresses = [IPAddress.Parse("10.0.0.1")],
            PolicyNames = [policy.Name],
        };
        ConnectionRequest connection = new() { SourceAddress = IPAddress.Parse("10.0.0.2"), SourceWorkload = null, Destination = cart, Port = 9090, Protocol = TransportProtocol.Tcp, Authenticated = false, IsRead = true };
        byte[] path = Encoding.ASCII.GetBytes(request[(request.IndexOf(' ', StringComparison.Ordinal) + 1)..]), room = new byte[PathReadings.RoomFor(path.Length)];
        PathReadings paths = HttpPath.IsPlain(path) ? PathReadings.Plain(path) : PathReadings.Of(path, room, new int[HttpPath.MostReadings]);
        RequestHead head = new(Encoding.ASCII.GetBytes(request.Split(' ')[0]), paths, "cart"u8, fields: null);
        return PolicyEvaluator.Evaluate(new NodeSnapshot { Policies = new Dictionary<NamespacedName, PolicyInfo> { [policy.Name] = policy }.ToImmutableDictionary() }, connection, head).Reason.ToString();
    }
}
