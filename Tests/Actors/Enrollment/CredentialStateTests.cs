using Mesh.Actors.Enrollment;
using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.Enrollment;

public sealed class CredentialStateTests
{
    static readonly CredentialId Id = new(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 9]));
    static readonly byte[] Secret = [.. Enumerable.Repeat((byte)7, 32)];
    static readonly WallTime Start = new(1_000_000);
    static readonly WallTime End = Start + TimeSpan.FromHours(1);
    static readonly WallTime InTime = Start + TimeSpan.FromMinutes(1);
    static readonly WallTime Late = End + TimeSpan.FromMilliseconds(1);
    static readonly Reservation Given = new(new NodeId(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 5])), "laptop", "100.64.0.1", "fd00::1");

    static readonly CredentialState Created = CredentialState.New.Apply(
        new CredentialCreated("create", "admin:root", Start, Id, Sha256.Hash(Secret), "alice", [], End));

    static readonly CredentialState Used = After(Created, new CommitRedemption(Redeem(1), Given), InTime);
    static readonly CredentialState Expired = After(Created, new ExpireCredential(By("x"), Id), Late);
    static readonly CredentialState Revoked = After(Created, new RevokeCredential(By("r"), Id), InTime);

    // state, command, late?, resulting state, code of the refusal
    public static TheoryData<string, string, bool, string, string?> Transitions => new()
    {
        { "none", "create", false, "Created", null },
        { "none", "redeem", false, "none", RefusalCodes.Unknown },
        { "none", "revoke", false, "none", "not-found" },
        { "none", "expire", true, "none", null },
        { "created", "create", false, "Created", "exists" },
        { "created", "redeem", false, "Used", null },
        { "created", "redeem", true, "Expired", RefusalCodes.Expired },
        { "created", "guess", false, "Created", RefusalCodes.Unknown },
        { "created", "guess", true, "Created", RefusalCodes.Unknown },
        { "created", "revoke", false, "Revoked", null },
        { "created", "revoke", true, "Expired", "credential-expired" },
        { "created", "expire", false, "Created", null },
        { "created", "expire", true, "Expired", null },
        { "used", "create", false, "Used", "exists" },
        { "used", "redeem", false, "Used", null },
        { "used", "redeem", true, "Used", null },
        { "used", "other", false, "Used", RefusalCodes.Used },
        { "used", "other", true, "Used", RefusalCodes.Used },
        { "used", "guess", false, "Used", RefusalCodes.Unknown },
        { "used", "revoke", false, "Used", RefusalCodes.Used },
        { "used", "expire", true, "Used", null },
        { "expired", "create", false, "Expired", "exists" },
        { "expired", "redeem", false, "Expired", RefusalCodes.Expired },
        { "expired", "redeem", true, "Expired", RefusalCodes.Expired },
        { "expired", "guess", true, "Expired", RefusalCodes.Unknown },
        { "expired", "revoke", false, "Expired", "credential-expired" },
        { "expired", "expire", true, "Expired", null },
        { "revoked", "create", false, "Revoked", "exists" },
        { "revoked", "redeem", false, "Revoked", RefusalCodes.Revoked },
        { "revoked", "redeem", true, "Revoked", RefusalCodes.Revoked },
        { "revoked", "guess", false, "Revoked", RefusalCodes.Unknown },
        { "revoked", "revoke", false, "Revoked", "credential-revoked" },
        { "revoked", "expire", true, "Revoked", null },
    };

    [Theory, MemberData(nameof(Transitions))]
    public void Goes_from_created_to_one_end_and_nowhere_from_there(string from, string what, bool late, string to, string? code)
    {
        var state = from switch { "none" => CredentialState.New, "created" => Created, "used" => Used, "expired" => Expired, _ => Revoked };
        IEntityCommand command = what switch
        {
            "create" => new CreateCredential(By("again"), Id, Sha256.Hash(Secret), "alice", [], End),
            "revoke" => new RevokeCredential(By("r2"), Id),
            "expire" => new ExpireCredential(By("x2"), Id),
            "redeem" => new CommitRedemption(Redeem(1), Given),
            "other" => new CommitRedemption(Redeem(2), Given),
            _ => new CommitRedemption(Redeem(1) with { Secret = new byte[32] }, Given),
        };
        var now = late ? Late : InTime;

        var decision = state.Decide(command, now);

        Assert.Equal(to, decision.Events.Aggregate(state, (one, happened) => one.Apply(happened)).Status?.ToString() ?? "none");
        Assert.Equal(code, (decision.Reply as Refusal ?? (decision.Reply as Redeemed)?.Refusal)?.Code);
        Assert.Equal(what == "guess" || (from == "none" && what == "redeem"), (decision.Reply as Redeemed)?.WrongSecret ?? false);
        Assert.True(decision.Events.Count <= 1);
    }

    [Fact]
    public void Reserves_before_it_commits_and_only_for_the_right_secret()
    {
        Assert.Equal("alice", Assert.IsType<ReservationNeeded>(Created.Decide(Redeem(1), InTime).Reply).Owner);
        Assert.IsType<Redeemed>(Created.Decide(Redeem(1) with { Secret = new byte[32] }, InTime).Reply);
    }

    [Fact]
    public void Gives_the_same_machine_the_same_answer_again()
    {
        var again = Assert.IsType<Redeemed>(Used.Decide(Redeem(1) with { Cause = By("later") }, Late).Reply);
        Assert.True(again.Again);
        Assert.Equal("laptop", again.Node!.Name);
        var redelivered = Assert.IsType<Redeemed>(Used.Decide(Redeem(1), InTime).Reply);
        Assert.False(redelivered.Again);
    }

    [Fact]
    public void Does_not_tell_an_unknown_id_from_a_wrong_secret()
    {
        var unknown = Assert.IsType<Redeemed>(CredentialState.New.Decide(Redeem(1), InTime).Reply);
        var wrong = Assert.IsType<Redeemed>(Created.Decide(Redeem(1) with { Secret = new byte[32] }, InTime).Reply);
        Assert.Equal(unknown, wrong);
    }

    [Fact]
    public void Carries_a_command_out_once_however_often_it_is_delivered()
    {
        var create = new CreateCredential(By("create"), Id, Sha256.Hash(Secret), "alice", [], End);
        Assert.Empty(Created.Decide(create, InTime).Events);
        Assert.Same(Accepted.Instance, Created.Decide(create, InTime).Reply);
        var revoke = new RevokeCredential(By("r"), Id);
        Assert.Empty(Revoked.Decide(revoke, InTime).Events);
        Assert.Same(Accepted.Instance, Revoked.Decide(revoke, InTime).Reply);
    }

    [Fact]
    public void Is_good_until_its_last_moment()
    {
        Assert.IsType<ReservationNeeded>(Created.Decide(Redeem(1), End).Reply);
        Assert.Equal(CredentialStatus.Expired, After(Created, Redeem(1), Late).Status);
    }

    [Fact]
    public void Lets_as_many_machines_in_as_it_is_for_and_none_twice()
    {
        var state = Reusable(uses: 3);
        for (byte machine = 1; machine <= 3; machine++)
        {
            Assert.Equal(CredentialStatus.Created, state.Status);
            var needed = Assert.IsType<ReservationNeeded>(state.Decide(Redeem(machine), InTime).Reply);
            Assert.Equal(Enumerable.Range(1, machine - 1).Select(one => Place((byte)one).Node), needed.Used);
            state = After(state, new CommitRedemption(Redeem(machine), Place(machine)), InTime);
            var again = state.Decide(Redeem(machine) with { Cause = By("again") }, InTime);
            Assert.Empty(again.Events);
            Assert.Equal(Place(machine).Node, Assert.IsType<Redeemed>(again.Reply).Node!.Id);
        }
        Assert.Equal(CredentialStatus.Used, state.Status);
        var fourth = state.Decide(new CommitRedemption(Redeem(4), Place(4)), InTime);
        Assert.Empty(fourth.Events);
        Assert.Equal(RefusalCodes.Used, Assert.IsType<Redeemed>(fourth.Reply).Refusal!.Code);
        Assert.Equal(RefusalCodes.Used, Assert.IsType<Refusal>(state.Decide(new RevokeCredential(By("r"), Id), InTime).Reply).Code);
        Assert.True(state.IsOfAnother(Place(1).Node, Redeem(2).SigningKey));
        Assert.False(state.IsOfAnother(Place(1).Node, Redeem(1).SigningKey));
    }

    [Fact]
    public void Ends_for_the_next_machine_and_not_for_those_that_joined()
    {
        var used = After(Reusable(uses: 3), new CommitRedemption(Redeem(1), Place(1)), InTime);
        foreach (var (ended, now, code) in new[]
        {
            (After(used, new RevokeCredential(By("r"), Id), InTime), InTime, RefusalCodes.Revoked),
            (After(used, new ExpireCredential(By("x"), Id), Late), Late, RefusalCodes.Expired),
        })
        {
            Assert.True(Assert.IsType<Redeemed>(ended.Decide(Redeem(1) with { Cause = By("later") }, now).Reply).Again);
            Assert.Equal(code, Assert.IsType<Redeemed>(ended.Decide(Redeem(2), now).Reply).Refusal!.Code);
        }
        Assert.Equal(CredentialStatus.Expired, After(used, Redeem(2), Late).Status);
    }

    static CredentialState Reusable(int uses) => CredentialState.New.Apply(
        new CredentialCreatedV2("create", "admin:root", Start, Id, Sha256.Hash(Secret), "alice", [], End, uses, false, false));

    static Reservation Place(byte machine) => new(
        new NodeId(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 1, machine])), $"laptop-{machine}", $"100.64.0.{machine}", $"fd00::{machine}");

    static CredentialState After(CredentialState state, IEntityCommand command, WallTime now) =>
        state.Decide(command, now).Events.Aggregate(state, (one, happened) => one.Apply(happened));

    static Cause By(string command) => new("admin:root", command);

    static RedeemCredential Redeem(byte machine) => new(
        By("redeem"), Id, Secret, new SigningPublicKey([.. Enumerable.Repeat(machine, 32)]),
        new TunnelPublicKey([.. Enumerable.Repeat((byte)(machine + 100), 32)]), "Laptop", "linux", "1.0");
}
