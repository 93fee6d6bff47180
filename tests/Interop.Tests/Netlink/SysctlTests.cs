using System.Runtime.InteropServices;
using Culvert.Interop.Native;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;
using Tmds.Linux;

namespace Culvert.Interop.Tests.Netlink;

public sealed class SysctlTests
{
    private const string Setting = "ipv4/conf/lo/accept_local";

    [Fact]
    public void ASettingIsTheNamespacesOfTheThread()
    {
        using NamespacePair pair = new();
        pair.Left.Run(() => Sysctl.Write(Setting, "1"));
        Assert.Equal("1", pair.Left.Run(() => Sysctl.Read(Setting)));
        Assert.Equal("0", pair.Right.Run(() => Sysctl.Read(Setting)));
    }

    [Fact]
    public void ItIsSetAlsoWhereItsFilesCanOnlyBeReadAsInAContainer()
    {
        using NamespacePair pair = new();
        List<string> read = [];
        Exception? error = null;
        Thread container = new(() =>
        {
            try
            {
                Require(LibC.unshare(LibC.CLONE_NEWNS));
                Require(Libc.mount(null, "/", null, LibC.MS_REC | LibC.MS_PRIVATE, null));
                Require(Libc.mount("/proc/sys", "/proc/sys", null, LibC.MS_BIND, null));
                Require(Libc.mount(null, "/proc/sys", null, LibC.MS_REMOUNT | LibC.MS_BIND | LibC.MS_RDONLY, null));
                Assert.ThrowsAny<IOException>(() => File.WriteAllText($"/proc/sys/net/{Setting}", "0"));
                foreach (string value in (string[])["1", "0", "1"])
                {
                    pair.Left.Run(() => Sysctl.Write(Setting, value));
                    read.Add(pair.Left.Run(() => Sysctl.Read(Setting)));
                }
                Assert.Throws<KernelException>(() => pair.Left.Run(() => Sysctl.Write("ipv4/conf/nothing/accept_local", "1")));
            }
            catch (Exception e)
            {
                error = e;
            }
        });
        container.Start();
        container.Join();
        Assert.Null(error);
        Assert.Equal(["1", "0", "1"], read);
        Assert.Equal("0", pair.Right.Run(() => Sysctl.Read(Setting)));
    }

    private static void Require(int result)
    {
        if (result != 0) throw new KernelException("make a container's view of files", Marshal.GetLastPInvokeError());
    }
}
