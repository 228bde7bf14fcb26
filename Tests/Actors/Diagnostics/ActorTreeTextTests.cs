using Mesh.Actors.Diagnostics;

namespace Mesh.Tests.Actors.Diagnostics;

public sealed class ActorTreeTextTests
{
    [Fact]
    public void A_tree_and_its_classes_line_up()
    {
        var report = new ActorReport(
            "mesh",
            new ActorEntry("", "RootGuardian", ActorActivity.Idle, 1, 0, 0, 1, 0,
            [
                new ActorEntry("system", "SystemGuardian", ActorActivity.Idle, 0, 0, 0, 0, 0, []),
                new ActorEntry("user", "UserGuardian", ActorActivity.Idle, 0, 0, 0, 0, 0,
                [
                    new ActorEntry("node", "NodeSupervisor", ActorActivity.Busy, 12, 0, 3, 4, 0,
                    [
                        new ActorEntry("device", "DeviceActor", ActorActivity.Suspended, 1234567, 2, 10, 500, 8, []),
                        new ActorEntry("os", "OsActor", ActorActivity.Awaiting, 5, 0, 0, 1, 0, []),
                    ]),
                ]),
            ]),
            [new ActorTypeEntry("DeviceActor", 1, 2, 1234600, 3, 9, 500), new ActorTypeEntry("RootGuardian", 1, 1, 1, 0, 0, 1)]);
        Assert.Equal(
            """
            ACTOR            CLASS           STATE      MESSAGES  RESTARTS  WAITING  MOST  STASHED
            /                RootGuardian    idle              1         0        0     1        0
            ├─ system        SystemGuardian  idle              0         0        0     0        0
            └─ user          UserGuardian    idle              0         0        0     0        0
               └─ node       NodeSupervisor  busy             12         0        3     4        0
                  ├─ device  DeviceActor     suspended   1234567         2       10   500        8
                  └─ os      OsActor         awaiting          5         0        0     1        0

            CLASS         ALIVE  STARTED  MESSAGES  RESTARTS  STASHED  MOST WAITING
            DeviceActor       1        2   1234600         3        9           500
            RootGuardian      1        1         1         0        0             1

            """.ReplaceLineEndings("\n"),
            ActorTreeText.Print(report));
    }
}
