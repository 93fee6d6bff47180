using Culvert.Cli.Removal;

namespace Culvert.Cli.Tests;

/// <summary>Which folders something is mounted on.</summary>
public sealed class MountPointTests
{
    private static readonly string[] Mounts =
    [
        "22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
        "30 22 0:25 /culvert /run/culvert rw,nosuid - tmpfs tmpfs rw,size=1k",
        "31 22 0:26 / /run/with\\040space rw - tmpfs tmpfs rw",
    ];

    [Theory]
    [InlineData("/run/culvert", true)]
    [InlineData("/run/culvert/", true)]
    [InlineData("/run/./culvert", true)]
    [InlineData("/run/with space", true)]
    [InlineData("/run/culvert/cni", false)]
    [InlineData("/run", false)]
    [InlineData("/culvert", false)]
    public void They_are_known_by_their_names(string folder, bool expected) => Assert.Equal(expected, MountPoint.Is(folder, Mounts));

    [Fact]
    public void The_root_is_one_and_a_new_folder_is_none()
    {
        Assert.True(MountPoint.Is("/proc"));
        Assert.False(MountPoint.Is(AppContext.BaseDirectory));
    }
}
