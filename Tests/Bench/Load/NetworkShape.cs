using System.Text;

namespace Mesh.Bench.Load;

/// <summary>
/// Is the shape of the network under load: teams of ten users with two devices each and some tagged servers. A team's devices see each
/// other and its servers, and its servers see each other, so that every node has some thirty peers however many teams there are. Ten
/// further servers see only each other: a change of one of them concerns ten nodes at every size.
/// </summary>
/// <param name="Nodes">How many nodes there are.</param>
sealed record NetworkShape(int Nodes)
{
    const int UsersPerTeam = 10;
    const int DevicesPerTeam = 2 * UsersPerTeam;

    /// <summary>The nodes of a full team.</summary>
    public const int TeamSize = DevicesPerTeam + 13;

    /// <summary>How many servers, the first nodes, see only each other.</summary>
    public const int Ring = 10;

    /// <summary>Stands for the team of those servers.</summary>
    public const int RingTeam = -1;

    /// <summary>A tag that no rule names.</summary>
    public const string SpareTag = "spare";

    /// <summary>Gets how many teams there are, the ring not counted; the last may be smaller.</summary>
    public int Teams => (Nodes - Ring + TeamSize - 1) / TeamSize;

    /// <summary>Gets the team of a node; those beyond the count join the teams in turn, as further devices.</summary>
    public int TeamOf(int node) => node < Ring ? RingTeam : node < Nodes ? (node - Ring) / TeamSize : node % Teams;

    /// <summary>Gets the owner of a node; null for a server.</summary>
    public string? OwnerOf(int node)
    {
        if (node < Ring)
            return null;
        var place = (node - Ring) % TeamSize;
        return node >= Nodes ? UserOf(TeamOf(node), node % UsersPerTeam) : place < DevicesPerTeam ? UserOf(TeamOf(node), place / 2) : null;
    }

    /// <summary>Gets the tag of a team's servers.</summary>
    public static string TagOf(int team) => team == RingTeam ? "ring" : $"svc-{team}";

    /// <summary>Gets every user.</summary>
    public IEnumerable<string> Users => Enumerable.Range(0, Teams).SelectMany(team => Enumerable.Range(0, UsersPerTeam).Select(user => UserOf(team, user)));

    /// <summary>Writes the policy, with rules that a phase adds.</summary>
    /// <param name="more">Rules as <c>(from, to)</c>, each a list of selectors.</param>
    public string Policy(params IEnumerable<(IEnumerable<string> From, IEnumerable<string> To)> more)
    {
        var text = new StringBuilder("version: 1\ngroups:\n");
        for (var team = 0; team < Teams; team++)
            text.Append($"  team-{team}: [{string.Join(", ", Enumerable.Range(0, UsersPerTeam).Select(user => UserOf(team, user)))}]\n");
        text.Append($"tags:\n  {SpareTag}:\n");
        for (var team = RingTeam; team < Teams; team++)
            text.Append($"  {TagOf(team)}:\n");
        text.Append("allow:\n");
        Rule([$"tag:{TagOf(RingTeam)}"], [$"tag:{TagOf(RingTeam)}"]);
        for (var team = 0; team < Teams; team++)
        {
            Rule([$"group:team-{team}"], [$"group:team-{team}", $"tag:{TagOf(team)}"]);
            Rule([$"tag:{TagOf(team)}"], [$"tag:{TagOf(team)}"]);
        }
        foreach (var (from, to) in more)
            Rule(from, to);
        return text.ToString();

        void Rule(IEnumerable<string> from, IEnumerable<string> to) =>
            text.Append($"  - from: [{List(from)}]\n    to: [{List(to)}]\n");

        static string List(IEnumerable<string> selectors) => string.Join(", ", selectors.Select(selector => $"'{selector}'"));
    }

    static string UserOf(int team, int user) => $"user-{team}-{user}";
}
