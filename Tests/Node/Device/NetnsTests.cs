using Mesh.Tests.Kit;

namespace Mesh.Tests.Node;

public sealed class NetnsTests
{
    [RequiresRootFact("ping")]
    public async Task TwoNamespacesReachEachOtherAndLeaveNothing()
    {
        string name;
        await using (NetnsTopology net = new("mdp"))
        {
            Netns a = net.Add("a"), b = net.Add("b");
            name = a.FullName;
            net.Connect(a, ["192.0.2.1/24", "2001:db8::1/64"], b, ["192.0.2.2/24", "2001:db8::2/64"]);
            Assert.True(a.Ping("192.0.2.2"));
            Assert.True(a.Ping("2001:db8::2"));
        }

        Assert.DoesNotContain(name, ProcessRun.Run("ip", ["netns", "list"]).Output);
    }
}
