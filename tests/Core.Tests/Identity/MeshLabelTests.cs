using System.Collections.Immutable;

namespace Culvert.Core.Tests;

public sealed class MeshLabelTests
{
    [Theory]
    [InlineData("culvert.dev/mesh", "enabled", true, null)]
    [InlineData("culvert.dev/mesh", "disabled", false, null)]
    [InlineData("culvert.dev/mesh", "yes", true, "label culvert.dev/mesh is 'yes'; enabled or disabled is allowed")]
    [InlineData("culvert.dev/enrolled", "true", null, "label culvert.dev/enrolled means nothing any more; write culvert.dev/mesh: enabled or disabled")]
    [InlineData("culvert.dev/mehs", "enabled", null, "label culvert.dev/mehs means nothing; the one that takes pods into the mesh or leaves them out is culvert.dev/mesh")]
    [InlineData("example.org/mesh", "enabled", null, null)]
    public void WhatALabelSaysAndWhatIsWrongWithIt(string key, string value, bool? says, string? wrong)
    {
        ImmutableSortedDictionary<string, string> labels = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("app", "web").Add(key, value);
        Assert.Equal(says, MeshLabel.Read(labels));
        Assert.Equal(wrong, MeshLabel.Check(labels) ?? MeshLabel.CheckOthers(labels).SingleOrDefault());
    }

    [Fact]
    public void EachOtherIsTold() =>
        Assert.Equal(2, MeshLabel.CheckOthers(ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("culvert.dev/mode", "x").Add("culvert.dev/mesh", "on").Add("culvert.dev/enrolled", "true")).Count());
}
