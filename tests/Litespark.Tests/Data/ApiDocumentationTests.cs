using Litespark.Data;
using Litespark.Data.Sources;

namespace Litespark.Tests.Data;

public sealed class ApiDocumentationTests : IDisposable
{
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_type_and_its_members_become_one_readable_document()
    {
        string text = Assert.Single(Read("""
            <member name="T:Shop.Cart`1">
              <summary>Holds  items
                 until they are paid.</summary>
              <typeparam name="TItem">What is bought.</typeparam>
              <remarks><para>Not thread-safe.</para><para>See <see href="https://example.org">the guide</see>.</para></remarks>
            </member>
            <member name="M:Shop.Cart`1.Add(`0,System.Int32)">
              <summary>Adds <paramref name="item" /> to the <see cref="T:Shop.Cart`1" />.</summary>
              <param name="item">The item.</param>
              <param name="count">How many, or <see langword="null" />.</param>
              <exception cref="T:System.ArgumentException"><paramref name="count" /> is negative.</exception>
              <returns><see langword="true" /> if there was room.</returns>
            </member>
            <member name="P:Shop.Cart`1.Count">
              <value>The number of items.</value>
            </member>
            <member name="M:Shop.Cart`1.Undocumented"><param name="x" /></member>
            """));
        Assert.Equal("""
            # Cart<TItem>

            Namespace: Shop

            Holds items until they are paid.

            Type parameters:
            - TItem: What is bought.

            Remarks: Not thread-safe.

            See the guide.

            ## Cart<TItem>.Add(TItem item, int count)

            Adds item to the Cart<TItem>.

            Parameters:
            - item: The item.
            - count: How many, or null.

            Returns: true if there was room.

            Exceptions:
            - ArgumentException: count is negative.

            ## Cart<TItem>.Count

            Value: The number of items.

            """.ReplaceLineEndings("\n"), text);
    }

    [Theory]
    [InlineData("M:N.T.#ctor(System.String)", "a", "new T(string a)")]
    [InlineData("M:N.T.M``2(System.Collections.Generic.Dictionary{``0,System.Nullable{``1}}[],System.Byte*,System.Int32[0:,0:]@)", "a b c",
        "T.M<A, B>(Dictionary<A, B?>[] a, byte* b, ref int[,] c)")]
    [InlineData("M:N.Outer`1.Inner`2.M(`0,`1,`2)", "a b c", "Outer<T>.Inner<T1, T2>.M(T a, T1 b, T2 c)")]
    [InlineData("M:N.T.System#Collections#Generic#ICollection{T}#Add(T)", "a", "T.ICollection<T>.Add(T a)")]
    [InlineData("M:N.T.op_Addition(N.T,N.T)", "a b", "T.operator +(T a, T b)")]
    [InlineData("M:N.T.op_CheckedExplicit(N.T)~System.Byte", "a", "T.explicit operator checked byte(T a)")]
    [InlineData("P:N.T.Item(System.Int32)", "index", "T[int index]")]
    [InlineData("F:N.Kind.Value", "", "Kind.Value")]
    [InlineData("E:N.T.Changed", "", "T.Changed")]
    [InlineData("M:N.T.M(System.Collections.Generic.List{`0}.Enumerator)", "a", "T.M(List<T>.Enumerator a)")]
    [InlineData("M:N.T.Unnamed(System.Object)", "", "T.Unnamed(object)")]
    public void Ids_are_written_as_signatures(string id, string parameters, string expected) => Assert.Equal(
        expected, new ApiNames().Signature(ApiMemberId.Parse(id), parameters.Split(' ', StringSplitOptions.RemoveEmptyEntries), id.Contains("``2") ? ["A", "B"] : []));

    [Theory]
    [InlineData("T:System.String", "string")]
    [InlineData("M:System.String.Join(System.String,System.String[])", "string.Join")]
    [InlineData("M:N.T.#ctor", "T constructor")]
    [InlineData("P:N.List`1.Item(System.Int32)", "List<T>.Item")]
    [InlineData("N:System.Text", "System.Text")]
    [InlineData("!:Unresolved", "Unresolved")]
    public void References_are_written_by_their_short_name(string cref, string expected) => Assert.Equal(expected, new ApiNames().Reference(cref));

    [Fact]
    public void Lists_and_code_keep_their_shape()
    {
        string text = Assert.Single(Read("""
            <member name="T:N.T"><summary>Either:<list type="bullet"><item><description>one</description></item>
            <item><term>two</term><description>the other</description></item></list>as in<code>
            if (x)
                y();
            </code>and <c>z</c>.</summary></member>
            """));
        Assert.Contains("Either:\n\n- one\n- two: the other\n\nas in\n\nif (x)\n    y();\n\nand z.", text);
    }

    [Fact]
    public void Nested_types_keep_the_name_of_the_type_around_them()
    {
        string[] texts = Read("""
            <member name="T:N.Outer"><summary>O.</summary></member>
            <member name="T:N.Outer.Inner"><summary>I.</summary></member>
            <member name="M:N.Outer.Inner.M"><summary>M.</summary></member>
            """);
        Assert.StartsWith("# Outer.Inner\n\nNamespace: N\n", texts[1]);
        Assert.Contains("## Outer.Inner.M()", texts[1]);
    }

    [Fact]
    public void A_large_type_is_cut_between_members_and_stays_on_one_side_of_the_split()
    {
        string members = string.Concat(Enumerable.Range(0, 300).Select(i => $"<member name=\"F:N.Big.F{i}\"><summary>{new string('x', 100)}</summary></member>"));
        folder.Write("big.xml", Doc(members));
        List<Document> documents = DataFolder.Read(folder.Options(folder.Path), out _);
        Assert.InRange(documents.Count, 4, 20);
        Assert.All(documents, d => Assert.StartsWith("## Big.F", System.Text.Encoding.UTF8.GetString(d.Text.Span)));
        Assert.Single(documents.Select(CorpusSplit.Hash).Distinct());
    }

    [Fact]
    public void A_member_documented_twice_is_taken_once()
    {
        folder.Write("a.xml", Doc("<member name=\"T:N.A\"><summary>First.</summary></member>"));
        folder.Write("b.xml", Doc("<member name=\"T:N.A\"><summary>Second.</summary></member><member name=\"T:N.B\"><summary>Other.</summary></member>"));
        string all = string.Concat(DataFolder.ReadTexts(folder.Options(folder.Path)));
        Assert.Contains("First", all);
        Assert.DoesNotContain("Second", all);
        Assert.Contains("Other", all);
    }

    [Theory]
    [InlineData("<doc><members><member name=\"T:A\"><summary>x</member></members></doc>", "broken XML")]
    [InlineData("<doc><members><member name=\"T:A\"><summary>x", "broken XML")]
    [InlineData("no XML at all", "broken XML")]
    [InlineData("<html><body/></html>", "not .NET API documentation")]
    [InlineData("<!DOCTYPE doc [<!ENTITY a \"b\">]><doc/>", "broken XML")]
    public void Broken_or_foreign_xml_is_an_error_that_names_the_file(string xml, string expected)
    {
        folder.Write("odd.xml", xml);
        string message = Assert.Throws<UserErrorException>(() => DataFolder.ReadTexts(folder.Options(folder.Path))).Message;
        Assert.Contains("odd.xml", message);
        Assert.Contains(expected, message);
    }

    string[] Read(string members)
    {
        folder.Write("api.xml", Doc(members));
        return DataFolder.ReadTexts(folder.Options(folder.Path));
    }

    static string Doc(string members) => $"<?xml version=\"1.0\"?><doc><assembly><name>A</name></assembly><members>{members}</members></doc>";
}
